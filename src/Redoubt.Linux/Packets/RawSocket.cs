using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>One IP packet as it was received.</summary>
public readonly record struct ReceivedPacket
{
    /// <summary>Where the payload behind the IP header begins in the buffer.</summary>
    public int Offset { get; init; }

    /// <summary>Its length in bytes.</summary>
    public int Length { get; init; }

    /// <summary>The family.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>Source address.</summary>
    public IpAddressValue Source { get; init; }

    /// <summary>Destination address.</summary>
    public IpAddressValue Destination { get; init; }

    /// <summary>TTL or hop limit; -1 where the kernel did not tell.</summary>
    public int HopLimit { get; init; }
}

/// <summary>
/// A raw socket of one IP protocol on one device and one family, joined to a group of it. Never blocks, allocates nothing while receiving. Owned by
/// one thread.
/// </summary>
public sealed unsafe class RawSocket : IDisposable
{
    private const int Advertisements = 112;
    private const int IPv4Header = 20;
    private readonly bool _ipv6;

    /// <summary>Opens one for CARP and VRRP (112, 224.0.0.18 or ff02::12), bound to the device; throws <see cref="KernelException"/> where the kernel refuses.</summary>
    public RawSocket(int interfaceIndex, string device, bool ipv6)
        : this(interfaceIndex, device, ipv6, Advertisements, ipv6 ? Core.Carp.CarpFrame.GroupIPv6 : Core.Carp.CarpFrame.GroupIPv4) { }

    /// <summary>Opens one for another protocol and group; none is joined where that is the default.</summary>
    public RawSocket(int interfaceIndex, string device, bool ipv6, int protocol, IpAddressValue group)
    {
        _ipv6 = ipv6;
        Handle = LibC.OpenSocket(ipv6 ? LibC.AF_INET6 : LibC.AF_INET, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK, protocol);
        try
        {
            Configure(device);
            if (group != default)
                Join(interfaceIndex, group);
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
        // What other devices brought between the opening and the binding.
        Span<byte> scrap = stackalloc byte[64];
        while (TryReceiveMessage(scrap, default, default, out _, out _)) { }
    }

    private void Configure(string device)
    {
        Check(LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_BINDTODEVICE, Encoding.UTF8.GetBytes(device + "\0")), "bind to " + device);
        if (_ipv6)
        {
            Check(LibC.SetOption(Handle, LibC.SOL_IPV6, LibC.IPV6_RECVPKTINFO, 1), "IPV6_RECVPKTINFO");
            Check(LibC.SetOption(Handle, LibC.SOL_IPV6, LibC.IPV6_RECVHOPLIMIT, 1), "IPV6_RECVHOPLIMIT");
            Check(LibC.SetOption(Handle, LibC.SOL_IPV6, LibC.IPV6_MULTICAST_LOOP, 0), "IPV6_MULTICAST_LOOP");
        }
        else
        {
            Check(LibC.SetOption(Handle, LibC.SOL_IP, LibC.IP_MULTICAST_LOOP, 0), "IP_MULTICAST_LOOP");
        }
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Packets dropped because their IP header or ancillary data made no sense.</summary>
    public ulong Malformed { get; private set; }

    /// <summary>Takes the next packet; false when none waits. A longer packet is cut to the buffer, its length then does not fit.</summary>
    public bool TryReceive(Span<byte> buffer, out ReceivedPacket datagram)
    {
        Span<byte> control = stackalloc byte[128];
        Span<byte> name = stackalloc byte[28];
        while (TryReceiveMessage(buffer, control, name, out var length, out var controlLength))
        {
            if (_ipv6 ? TryReadIPv6(length, name, control[..controlLength], out datagram) : TryReadIPv4(buffer[..length], out datagram))
                return true;
            Malformed++;
        }
        datagram = default;
        return false;
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    private static bool TryReadIPv4(ReadOnlySpan<byte> packet, out ReceivedPacket datagram)
    {
        datagram = default;
        if (packet.Length < IPv4Header || packet[0] >> 4 != 4)
            return false;
        var header = (packet[0] & 0xf) * 4;
        var total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (header < IPv4Header || header > packet.Length || total < header || total > packet.Length)
            return false;
        datagram = new ReceivedPacket
        {
            Offset = header,
            Length = total - header,
            Source = IpAddressValue.Read(packet.Slice(12, 4)),
            Destination = IpAddressValue.Read(packet.Slice(16, 4)),
            HopLimit = packet[8],
        };
        return true;
    }

    // sockaddr_in6 = family u16 | port u16 | flow u32 | address 16 | scope u32
    private static bool TryReadIPv6(int length, ReadOnlySpan<byte> name, ReadOnlySpan<byte> control, out ReceivedPacket datagram)
    {
        var destination = default(IpAddressValue);
        var hopLimit = -1;
        // cmsghdr = length u64 | level i32 | type i32, data, padded to 8
        while (control.Length >= 16)
        {
            var size = (int)Math.Min(MemoryMarshal.Read<ulong>(control), (ulong)control.Length);
            if (size < 16)
                break;
            var level = MemoryMarshal.Read<int>(control[8..]);
            var type = MemoryMarshal.Read<int>(control[12..]);
            var data = control[16..size];
            if (level == LibC.IPPROTO_IPV6 && type == LibC.IPV6_HOPLIMIT && data.Length >= 4)
                hopLimit = MemoryMarshal.Read<int>(data);
            else if (level == LibC.IPPROTO_IPV6 && type == LibC.IPV6_PKTINFO && data.Length >= 16)
                destination = IpAddressValue.Read(data[..16]);
            control = control[Math.Min((size + 7) & ~7, control.Length)..];
        }
        datagram = new ReceivedPacket
        {
            Length = length,
            IsIPv6 = true,
            Source = IpAddressValue.Read(name.Slice(8, 16)),
            Destination = destination,
            HopLimit = hopLimit,
        };
        return hopLimit >= 0 && destination != default;
    }

    private void Join(int interfaceIndex, IpAddressValue group)
    {
        // ip_mreqn = group 4 | local address 4 | index i32; ipv6_mreq = group 16 | index i32
        Span<byte> request = stackalloc byte[20];
        request.Clear();
        if (_ipv6)
        {
            group.Write(request[..16]);
            MemoryMarshal.Write(request[16..], interfaceIndex);
            Check(LibC.SetOption(Handle, LibC.SOL_IPV6, LibC.IPV6_ADD_MEMBERSHIP, request), "join the IPv6 group");
            return;
        }
        group.Write(request[..4]);
        MemoryMarshal.Write(request[8..], interfaceIndex);
        Check(LibC.SetOption(Handle, LibC.SOL_IP, LibC.IP_ADD_MEMBERSHIP, request[..12]), "join the IPv4 group");
    }

    private bool TryReceiveMessage(Span<byte> buffer, Span<byte> control, Span<byte> name, out int length, out int controlLength)
    {
        fixed (byte* data = buffer)
        fixed (byte* ancillary = control)
        fixed (byte* address = name)
        {
            var vector = new LibC.IoVector { Base = data, Length = (nuint)buffer.Length };
            while (true)
            {
                var header = new LibC.MessageHeader
                {
                    Name = address,
                    NameLength = name.Length,
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = ancillary,
                    ControlLength = (nuint)control.Length,
                };
                var received = LibC.ReceiveMessage(Handle, &header, LibC.MSG_DONTWAIT);
                if (received < 0 && Errno.Last == Errno.Interrupted)
                    continue;
                // An error that is pending on the socket (a device went down) is taken by this call; the next one reads on.
                length = (int)Math.Clamp(received, 0, buffer.Length);
                controlLength = (int)header.ControlLength;
                return received >= 0;
            }
        }
    }

    private static void Check(Errno errno, string what)
    {
        if (!errno.IsSuccess)
            throw new KernelException("raw socket: " + what, errno);
    }
}
