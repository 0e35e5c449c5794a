using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>What pf tracks of one side of a connection.</summary>
/// <remarks><code>
/// 0..1         2          3           4..7    8..11  12..15  16..19   20..21   22..23  24     25      26..31
/// scrub flags  scrub ttl  scrub valid ts_mod  seqlo  seqhi   seqdiff  max_win  mss     state  wscale  0
/// </code></remarks>
public struct PfPeer
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 32;

    /// <summary>Negotiated-scale bit of <see cref="WindowScale"/>.</summary>
    public const byte ScaleKnown = 0x80;

    /// <summary>The highest protocol state: the proxy's second.</summary>
    public const byte HighestState = 12;

    /// <summary>Bit 0: timestamps are modulated.</summary>
    public ushort ScrubFlags { get; set; }

    /// <summary>The TTL that is kept.</summary>
    public byte ScrubTtl { get; set; }

    /// <summary>1 where scrub data is present.</summary>
    public byte ScrubValid { get; set; }

    /// <summary>Timestamp modulator; the verification tag of SCTP on FreeBSD.</summary>
    public uint TimestampModulator { get; set; }

    /// <summary>Highest sequence number sent.</summary>
    public uint SequenceLow { get; set; }

    /// <summary>Highest sequence number that may be sent: acknowledged plus window.</summary>
    public uint SequenceHigh { get; set; }

    /// <summary>What is added to this side's sequence numbers; 0 without modulation.</summary>
    public uint SequenceDifference { get; set; }

    /// <summary>Largest window, unscaled.</summary>
    public ushort MaxWindow { get; set; }

    /// <summary>MSS option.</summary>
    public ushort Mss { get; set; }

    /// <summary>TCP 0..10, proxy 11 and 12; UDP and others 0 no traffic, 1 single, 2 multiple.</summary>
    public byte State { get; set; }

    /// <summary>Shift in the low four bits, 0x80 where the option was seen.</summary>
    public byte WindowScale { get; set; }

    /// <summary>Reads <see cref="Length"/> bytes.</summary>
    public static PfPeer Read(ReadOnlySpan<byte> bytes) =>
        new()
        {
            ScrubFlags = BinaryPrimitives.ReadUInt16BigEndian(bytes),
            ScrubTtl = bytes[2],
            ScrubValid = bytes[3],
            TimestampModulator = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            SequenceLow = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
            SequenceHigh = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]),
            SequenceDifference = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
            MaxWindow = BinaryPrimitives.ReadUInt16BigEndian(bytes[20..]),
            Mss = BinaryPrimitives.ReadUInt16BigEndian(bytes[22..]),
            State = bytes[24],
            WindowScale = bytes[25],
        };

    /// <summary>Writes <see cref="Length"/> bytes, padding zero.</summary>
    public readonly void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, ScrubFlags);
        bytes[2] = ScrubTtl;
        bytes[3] = ScrubValid;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], TimestampModulator);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], SequenceLow);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], SequenceHigh);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], SequenceDifference);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[20..], MaxWindow);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[22..], Mss);
        bytes[24] = State;
        bytes[25] = WindowScale;
        bytes[26..Length].Clear();
    }
}
