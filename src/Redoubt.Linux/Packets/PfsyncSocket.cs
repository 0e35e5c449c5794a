using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>
/// pfsync on the wire of one device: IP protocol 240 as the BSDs send it (TTL 255, low delay, not fragmented, groups not looped back). Never blocks, allocates
/// nothing. Owned by one thread.
/// </summary>
public sealed unsafe class PfsyncSocket : IDisposable
{
    private const int IpTos = 1; // linux/in.h
    private const int IpTtl = 2;
    private const int IpMtuDiscover = 10;
    private const int IpMulticastIf = 32;
    private const int IpMulticastTtl = 33;
    private const int Ipv6UnicastHops = 16; // linux/in6.h
    private const int Ipv6MulticastIf = 17;
    private const int Ipv6MulticastHops = 18;
    private const int Ipv6MtuDiscover = 23;
    private const int Ipv6Tclass = 67;
    private const int DiscoverAlways = 2;
    private const int LowDelay = 0x10;
    private const int Ttl = 255;
    private const int BufferSize = 8 << 20;
    private readonly RawSocket _socket;
    private readonly int _interfaceIndex;
    private readonly bool _ipv6;

    /// <summary>Opens it on the device, joined to pfsync's group where <paramref name="joined"/>; throws <see cref="KernelException"/> where the kernel refuses.</summary>
    public PfsyncSocket(int interfaceIndex, string device, bool ipv6, bool joined)
    {
        (_interfaceIndex, _ipv6) = (interfaceIndex, ipv6);
        _socket = new RawSocket(interfaceIndex, device, ipv6, PfPacketReader.Protocol, joined ? Group(ipv6) : default);
        try
        {
            if (!LibC.SetOption(_socket.Handle, LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, BufferSize).IsSuccess)
                LibC.SetOption(_socket.Handle, LibC.SOL_SOCKET, LibC.SO_RCVBUF, BufferSize);
            if (ipv6)
            {
                Set(LibC.SOL_IPV6, Ipv6UnicastHops, Ttl);
                Set(LibC.SOL_IPV6, Ipv6MulticastHops, Ttl);
                Set(LibC.SOL_IPV6, Ipv6MulticastIf, interfaceIndex);
                Set(LibC.SOL_IPV6, Ipv6Tclass, LowDelay);
                Set(LibC.SOL_IPV6, Ipv6MtuDiscover, DiscoverAlways);
                return;
            }
            Set(LibC.SOL_IP, IpTtl, Ttl);
            Set(LibC.SOL_IP, IpMulticastTtl, Ttl);
            Set(LibC.SOL_IP, IpTos, LowDelay);
            Set(LibC.SOL_IP, IpMtuDiscover, DiscoverAlways);
            // ip_mreqn = group 4 | local address 4 | index i32
            Span<byte> request = stackalloc byte[12];
            request.Clear();
            MemoryMarshal.Write(request[8..], interfaceIndex);
            Check(LibC.SetOption(_socket.Handle, LibC.SOL_IP, IpMulticastIf, request), IpMulticastIf);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle => _socket.Handle;

    /// <summary>Packets whose IP header or ancillary data made no sense.</summary>
    public ulong Malformed => _socket.Malformed;

    /// <summary>224.0.0.240, or ff12::f0 of FreeBSD 14 and later.</summary>
    public static IpAddressValue Group(bool ipv6) => ipv6 ? new IpAddressValue(0xff12UL << 48, 0xf0) : new IpAddressValue(0, 0xe00000f0);

    /// <summary>Takes the next packet; false when none waits. A longer one is cut to the buffer, its length in the header then does not fit.</summary>
    public bool TryReceive(Span<byte> buffer, out ReceivedPacket packet) => _socket.TryReceive(buffer, out packet);

    /// <summary>Sends what stands behind the IP header; the errno where the kernel does not take it.</summary>
    public Errno Send(ReadOnlySpan<byte> payload, IpAddressValue destination)
    {
        // sockaddr_in = family u16 | port u16 | address 4 | zero 8; sockaddr_in6 = family u16 | port u16 | flow u32 | address 16 | scope u32
        Span<byte> address = stackalloc byte[28];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)(_ipv6 ? LibC.AF_INET6 : LibC.AF_INET));
        destination.Write(_ipv6 ? address.Slice(8, 16) : address.Slice(4, 4));
        if (_ipv6 && (destination.High >> 54 == 0xfe80 >> 6 || destination.High >> 56 == 0xff))
            MemoryMarshal.Write(address[24..], _interfaceIndex);
        fixed (byte* data = payload)
        fixed (byte* name = address)
        {
            return LibC.SendTo(Handle, data, (nuint)payload.Length, LibC.MSG_DONTWAIT, name, _ipv6 ? 28 : 16) >= 0
                ? Errno.None
                : Errno.Last;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    private void Set(int level, int option, int value) => Check(LibC.SetOption(Handle, level, option, value), option);

    private static void Check(Errno errno, int option)
    {
        if (!errno.IsSuccess)
            throw new KernelException($"pfsync socket: option {option}", errno);
    }
}
