using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

#pragma warning disable CA1051 // Parts of a message are fields, so that they are changed in place and never copied.

/// <summary>Names a state: INS_ACK, UPD_REQ and DEL_C. Both 0 in a request: all states.</summary>
/// <remarks><code>
/// 0..7  8..11
/// id    creator
/// </code></remarks>
/// <param name="Id">Number of the state at its creator.</param>
/// <param name="Creator">Host id of the creator.</param>
public readonly record struct PfReference(ulong Id, uint Creator)
{
    /// <summary>Reads at least <see cref="PfAction.ReferenceLength"/> bytes.</summary>
    public static PfReference Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    /// <summary>Writes them.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Id);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Creator);
    }
}

/// <summary>BUS: a bulk transfer begins (1) or ends (2).</summary>
/// <remarks><code>
/// 0..3     4..7     8       9..11
/// creator  endtime  status  0
/// </code></remarks>
/// <param name="Creator">Host id of the sender.</param>
/// <param name="EndTime">Seconds since the request was received.</param>
/// <param name="Status">1 start, 2 end.</param>
public readonly record struct PfBulk(uint Creator, uint EndTime, byte Status)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 12;

    /// <summary>Reads at least <see cref="Length"/> bytes.</summary>
    public static PfBulk Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]), bytes[8]);

    /// <summary>Writes them.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Creator);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], EndTime);
        bytes[8] = Status;
        bytes[9..Length].Clear();
    }
}

/// <summary>CLR: remove the states of a creator.</summary>
/// <remarks><code>
/// 0..15   16..19
/// ifname  creator
/// </code></remarks>
public struct PfClear
{
    /// <summary>Only those of this interface; empty for all.</summary>
    public PfName Interface;

    /// <summary>Host id of the creator.</summary>
    public uint Creator { get; set; }

    /// <summary>Reads at least <see cref="PfAction.ClearLength"/> bytes.</summary>
    public static PfClear Read(ReadOnlySpan<byte> bytes)
    {
        PfClear clear = default;
        bytes[..PfName.Length].CopyTo(clear.Interface);
        clear.Creator = BinaryPrimitives.ReadUInt32BigEndian(bytes[PfName.Length..]);
        return clear;
    }

    /// <summary>Writes them.</summary>
    public readonly void Write(Span<byte> bytes)
    {
        ((ReadOnlySpan<byte>)Interface).CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[PfName.Length..], Creator);
    }
}

/// <summary>TDB: replay counters of an IPsec association. Read to be shown; nothing here acts on it.</summary>
/// <remarks><code>
/// v5: 0..3  4..31        32..35  36..43     44      45       46..47
/// v6: 0..3  4..31        32..39  40..47     48      49       50..51
///     spi   destination  rpl     cur_bytes  sproto  updates  v5 0, v6 rdomain
/// </code>Destination, a sockaddr: length, family, port 2; then IPv4 at 4 or flow 4 and IPv6 at 8.</remarks>
public readonly record struct PfTdb
{
    /// <summary>Bytes in v5.</summary>
    public const int LengthFreeBsd = 48;

    /// <summary>Bytes in v6.</summary>
    public const int LengthOpenBsd = 52;

    /// <summary>Security parameter index.</summary>
    public uint Spi { get; init; }

    /// <summary>sa_len: 16 or 28.</summary>
    public byte AddressLength { get; init; }

    /// <summary>The sender's family number.</summary>
    public byte Family { get; init; }

    /// <summary>Destination.</summary>
    public IpAddressValue Destination { get; init; }

    /// <summary>Replay counter; 32 bits in v5.</summary>
    public ulong Replay { get; init; }

    /// <summary>Bytes so far.</summary>
    public ulong Bytes { get; init; }

    /// <summary>50 ESP, 51 AH.</summary>
    public byte Protocol { get; init; }

    /// <summary>Updates so far.</summary>
    public byte Updates { get; init; }

    /// <summary>v6: routing domain.</summary>
    public ushort RoutingDomain { get; init; }

    /// <summary>Reads a message of the flavour's length.</summary>
    public static PfTdb Read(ReadOnlySpan<byte> bytes, PfFlavour flavour)
    {
        var wide = flavour == PfFlavour.OpenBsd;
        var rest = bytes[(wide ? 40 : 36)..];
        var family = bytes[5];
        return new PfTdb
        {
            Spi = BinaryPrimitives.ReadUInt32BigEndian(bytes),
            AddressLength = bytes[4],
            Family = family,
            Destination = IpAddressValue.Read(family == PfFlavourNumbers.FamilyIPv4 ? bytes.Slice(8, 4) : bytes.Slice(12, 16)),
            Replay = wide ? BinaryPrimitives.ReadUInt64BigEndian(bytes[32..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[32..]),
            Bytes = BinaryPrimitives.ReadUInt64BigEndian(rest),
            Protocol = rest[8],
            Updates = rest[9],
            RoutingDomain = wide ? BinaryPrimitives.ReadUInt16BigEndian(rest[10..]) : (ushort)0,
        };
    }

    /// <summary>Writes a message of the flavour's length; port, flow and padding zero.</summary>
    public void Write(Span<byte> bytes, PfFlavour flavour)
    {
        var wide = flavour == PfFlavour.OpenBsd;
        bytes[..(wide ? LengthOpenBsd : LengthFreeBsd)].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Spi);
        bytes[4] = AddressLength;
        bytes[5] = Family;
        Destination.Write(Family == PfFlavourNumbers.FamilyIPv4 ? bytes.Slice(8, 4) : bytes.Slice(12, 16));
        if (wide)
            BinaryPrimitives.WriteUInt64BigEndian(bytes[32..], Replay);
        else
            BinaryPrimitives.WriteUInt32BigEndian(bytes[32..], (uint)Replay);
        var rest = bytes[(wide ? 40 : 36)..];
        BinaryPrimitives.WriteUInt64BigEndian(rest, Bytes);
        rest[8] = Protocol;
        rest[9] = Updates;
        if (wide)
            BinaryPrimitives.WriteUInt16BigEndian(rest[10..], RoutingDomain);
    }
}
