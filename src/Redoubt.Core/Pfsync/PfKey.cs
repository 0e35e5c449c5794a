using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Two ends of a connection as seen on one side of the translation.</summary>
/// <remarks><code>
/// 0..15      16..31     32..33  34..35  (v6 only:) 36..37   38      39
/// address 0  address 1  port 0  port 1             rdomain  family  0
/// </code>Of an IPv4 address only the first four bytes count: the others may hold anything and are never read.</remarks>
public struct PfKey
{
    private const int PortsOffset = 32;

    /// <summary>The sender's family number; 0 in v6 means that of the state.</summary>
    public byte Family { get; set; }

    /// <summary>v6: routing domain.</summary>
    public ushort RoutingDomain { get; set; }

    /// <summary>Destination on output, source on input.</summary>
    public IpAddressValue Address0 { get; set; }

    /// <summary>Source on output, destination on input.</summary>
    public IpAddressValue Address1 { get; set; }

    /// <summary>Port at <see cref="Address0"/>.</summary>
    public ushort Port0 { get; set; }

    /// <summary>Port at <see cref="Address1"/>.</summary>
    public ushort Port1 { get; set; }

    /// <summary>Reads the addresses and ports; the family is known already.</summary>
    internal void Read(ReadOnlySpan<byte> bytes, byte family)
    {
        Address0 = ReadAddress(bytes, family);
        Address1 = ReadAddress(bytes[16..], family);
        Port0 = BinaryPrimitives.ReadUInt16BigEndian(bytes[PortsOffset..]);
        Port1 = BinaryPrimitives.ReadUInt16BigEndian(bytes[(PortsOffset + 2)..]);
    }

    /// <summary>Writes addresses and ports; unused bytes zero.</summary>
    internal readonly void Write(Span<byte> bytes, byte family)
    {
        WriteAddress(bytes, Address0, family);
        WriteAddress(bytes[16..], Address1, family);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[PortsOffset..], Port0);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(PortsOffset + 2)..], Port1);
    }

    /// <summary>A 16 byte address slot.</summary>
    internal static IpAddressValue ReadAddress(ReadOnlySpan<byte> bytes, byte family) =>
        IpAddressValue.Read(family == PfFlavourNumbers.FamilyIPv4 ? bytes[..4] : bytes[..16]);

    /// <summary>Fills a 16 byte address slot.</summary>
    internal static void WriteAddress(Span<byte> bytes, IpAddressValue address, byte family)
    {
        bytes[..16].Clear();
        address.Write(family == PfFlavourNumbers.FamilyIPv4 ? bytes[..4] : bytes[..16]);
    }
}
