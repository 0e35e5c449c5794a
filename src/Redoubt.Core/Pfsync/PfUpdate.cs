using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

#pragma warning disable CA1051 // Parts of a message are fields, so that they are changed in place and never copied.

/// <summary>UPD_C: what changes in the life of a state.</summary>
/// <remarks><code>
/// 0..7  8..39  40..71  72..75   76..79  80       81                        82..83
/// id    src    dst     creator  expire  timeout  v6 state_flags, v5 0      0
/// </code></remarks>
public struct PfUpdate
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 84;

    /// <summary>Number of the state at its creator.</summary>
    public ulong Id { get; set; }

    /// <summary>Host id of the creator.</summary>
    public uint Creator { get; set; }

    /// <summary>The side that opened the connection.</summary>
    public PfPeer Source;

    /// <summary>The other side.</summary>
    public PfPeer Destination;

    /// <summary>Sent as 0 and ignored by everybody.</summary>
    public uint Expire { get; set; }

    /// <summary>Timeout class (PFTM).</summary>
    public byte Timeout { get; set; }

    /// <summary>v6: the low flags, sent as 0.</summary>
    public byte Flags { get; set; }

    /// <summary>Reads at least <see cref="Length"/> bytes.</summary>
    public static PfUpdate Read(ReadOnlySpan<byte> bytes, PfFlavour flavour) =>
        new()
        {
            Id = BinaryPrimitives.ReadUInt64BigEndian(bytes),
            Source = PfPeer.Read(bytes[8..]),
            Destination = PfPeer.Read(bytes[40..]),
            Creator = BinaryPrimitives.ReadUInt32BigEndian(bytes[72..]),
            Expire = BinaryPrimitives.ReadUInt32BigEndian(bytes[76..]),
            Timeout = bytes[80],
            Flags = flavour == PfFlavour.OpenBsd ? bytes[81] : (byte)0,
        };

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public readonly void Write(Span<byte> bytes, PfFlavour flavour)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Id);
        Source.Write(bytes[8..]);
        Destination.Write(bytes[40..]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[72..], Creator);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[76..], Expire);
        bytes[80] = Timeout;
        bytes[81] = flavour == PfFlavour.OpenBsd ? Flags : (byte)0;
        bytes[82..Length].Clear();
    }

    /// <summary>Whether a receiver may use it.</summary>
    public readonly PfRejection Check(PfFlavour flavour) =>
        Timeout >= flavour.Timeouts() || Source.State > PfPeer.HighestState || Destination.State > PfPeer.HighestState
            ? PfRejection.BadValue
            : PfRejection.None;
}
