using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Heartbeat;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>
/// A UDP socket for heartbeats on one device and one family: joined to CARP's group on interfaces with vhids, where it only receives; on sync
/// links it sends to the peers, too. Never blocks, allocates nothing. Owned by one thread.
/// </summary>
public sealed unsafe class HeartbeatSocket : IDisposable
{
    private const int Priority = 6; // TC_PRIO_INTERACTIVE: before bulk traffic of the state sync on the same link
    private const int SocketPriority = 12; // SO_PRIORITY
    private readonly bool _ipv6;

    /// <summary>Opens it on a device; throws <see cref="KernelException"/> where the kernel refuses.</summary>
    public HeartbeatSocket(int interfaceIndex, string device, bool ipv6, bool joined)
    {
        _ipv6 = ipv6;
        Handle = LibC.OpenSocket(ipv6 ? LibC.AF_INET6 : LibC.AF_INET, LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK, 0);
        try
        {
            Check(
                LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_BINDTODEVICE, Encoding.UTF8.GetBytes(device + "\0")),
                "bind to " + device
            );
            Check(LibC.SetOption(Handle, LibC.SOL_SOCKET, SocketPriority, Priority), "SO_PRIORITY");
            if (ipv6)
                Check(LibC.SetOption(Handle, LibC.SOL_IPV6, LibC.IPV6_V6ONLY, 1), "IPV6_V6ONLY");
            Span<byte> address = stackalloc byte[28];
            var length = WriteAddress(address, default);
            fixed (byte* name = address)
            {
                if (LibC.Bind(Handle, name, length) != 0)
                    throw new KernelException($"heartbeat socket: bind to port {HeartbeatLimits.Port} on {device}", Errno.Last);
            }
            if (joined)
                Join(interfaceIndex);
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Takes the next datagram; false when none waits. A longer one is cut to the buffer, and then does not fit.</summary>
    public bool TryReceive(Span<byte> buffer, out int length)
    {
        fixed (byte* data = buffer)
        {
            while (true)
            {
                var received = LibC.ReceiveFrom(Handle, data, (nuint)buffer.Length, LibC.MSG_DONTWAIT, null, null);
                if (received < 0 && Errno.Last == Errno.Interrupted)
                    continue;
                length = (int)Math.Clamp(received, 0, buffer.Length);
                return received >= 0;
            }
        }
    }

    /// <summary>Sends a datagram to a node; the errno where the kernel does not take it.</summary>
    public Errno Send(ReadOnlySpan<byte> datagram, IpAddressValue destination)
    {
        Span<byte> address = stackalloc byte[28];
        var length = WriteAddress(address, destination);
        fixed (byte* data = datagram)
        fixed (byte* name = address)
        {
            return LibC.SendTo(Handle, data, (nuint)datagram.Length, LibC.MSG_DONTWAIT, name, length) >= 0 ? Errno.None : Errno.Last;
        }
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    // sockaddr_in = family u16 | port u16 BE | address 4 | zero 8; sockaddr_in6 = family u16 | port u16 BE | flow u32 | address 16 | scope u32
    private int WriteAddress(Span<byte> address, IpAddressValue value)
    {
        address.Clear();
        MemoryMarshal.Write(address, (ushort)(_ipv6 ? LibC.AF_INET6 : LibC.AF_INET));
        BinaryPrimitives.WriteUInt16BigEndian(address[2..], HeartbeatLimits.Port);
        value.Write(_ipv6 ? address.Slice(8, 16) : address.Slice(4, 4));
        return _ipv6 ? 28 : 16;
    }

    private void Join(int interfaceIndex)
    {
        // ip_mreqn = group 4 | local address 4 | index i32; ipv6_mreq = group 16 | index i32
        Span<byte> request = stackalloc byte[20];
        request.Clear();
        if (_ipv6)
        {
            CarpFrame.GroupIPv6.Write(request[..16]);
            MemoryMarshal.Write(request[16..], interfaceIndex);
            Check(LibC.SetOption(Handle, LibC.SOL_IPV6, LibC.IPV6_ADD_MEMBERSHIP, request), "join ff02::12");
            return;
        }
        CarpFrame.GroupIPv4.Write(request[..4]);
        MemoryMarshal.Write(request[8..], interfaceIndex);
        Check(LibC.SetOption(Handle, LibC.SOL_IP, LibC.IP_ADD_MEMBERSHIP, request[..12]), "join 224.0.0.18");
    }

    private static void Check(Errno errno, string what)
    {
        if (!errno.IsSuccess)
            throw new KernelException("heartbeat socket: " + what, errno);
    }
}
