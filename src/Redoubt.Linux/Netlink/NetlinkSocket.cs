using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Netlink;

/// <summary>
/// One netlink descriptor. A socket that joined groups gets news at any time and must not ask; open a second one for requests.
/// Not thread safe: one owner.
/// </summary>
public sealed unsafe class NetlinkSocket : IDisposable
{
    /// <summary>NETLINK_ROUTE.</summary>
    public const int Route = 0;

    /// <summary>NETLINK_NETFILTER.</summary>
    public const int Netfilter = 12;

    private const int AddMembership = 1; // NETLINK_ADD_MEMBERSHIP
    private const int DropMembership = 2; // NETLINK_DROP_MEMBERSHIP
    private const int ExtendedAck = 11; // NETLINK_EXT_ACK
    private const int CapAck = 10; // NETLINK_CAP_ACK
    private uint _sequence;

    /// <summary>Opens and binds a socket of a protocol (<see cref="Route"/>, <see cref="Netfilter"/>).</summary>
    public NetlinkSocket(int protocol)
    {
        Handle = LibC.OpenSocket(LibC.AF_NETLINK, LibC.SOCK_RAW, protocol);
        Span<byte> address = stackalloc byte[12]; // sockaddr_nl: family u16, pad u16, pid u32, groups u32
        MemoryMarshal.Write(address, (ushort)LibC.AF_NETLINK);
        fixed (byte* pointer = address)
        {
            if (LibC.Bind(Handle, pointer, address.Length) != 0)
                throw new KernelException("bind netlink", Errno.Last);
            var length = address.Length;
            LibC.GetSocketName(Handle, pointer, &length);
        }
        Port = MemoryMarshal.Read<uint>(address[4..]);
        LibC.SetOption(Handle, LibC.SOL_NETLINK, ExtendedAck, 1);
        LibC.SetOption(Handle, LibC.SOL_NETLINK, CapAck, 1);
    }

    /// <summary>The descriptor, for poll.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>The port id the kernel gave this socket; events that our own requests caused carry it.</summary>
    public uint Port { get; }

    /// <summary>The next sequence number.</summary>
    public uint NextSequence() => ++_sequence;

    /// <summary>Joins a multicast group by its number (RTNLGRP_*, NFNLGRP_*).</summary>
    public void Join(int group)
    {
        var errno = LibC.SetOption(Handle, LibC.SOL_NETLINK, AddMembership, group);
        if (!errno.IsSuccess)
            throw new KernelException($"join netlink group {group}", errno);
    }

    /// <summary>Leaves a multicast group; what came before stays in the queue.</summary>
    public void Leave(int group)
    {
        var errno = LibC.SetOption(Handle, LibC.SOL_NETLINK, DropMembership, group);
        if (!errno.IsSuccess)
            throw new KernelException($"leave netlink group {group}", errno);
    }

    /// <summary>Sets the receive buffer in bytes, beyond the system limit where permitted; returns what the kernel granted.</summary>
    public int SetReceiveBuffer(int bytes)
    {
        if (!LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, bytes).IsSuccess)
            LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_RCVBUF, bytes);
        int granted;
        var length = sizeof(int);
        LibC.GetSocketOption(Handle, LibC.SOL_SOCKET, LibC.SO_RCVBUF, (byte*)&granted, &length);
        return granted;
    }

    /// <summary>Asks for a send buffer, which bounds the batch that one call may send (EMSGSIZE): with CAP_NET_ADMIN over the system's limit.</summary>
    public void SetSendBuffer(int bytes)
    {
        if (!LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_SNDBUFFORCE, bytes).IsSuccess)
            LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_SNDBUF, bytes);
    }

    /// <summary>Sends messages to the kernel.</summary>
    public Errno Send(ReadOnlySpan<byte> messages)
    {
        fixed (byte* pointer = messages)
        {
            while (true)
            {
                if (LibC.SendTo(Handle, pointer, (nuint)messages.Length, 0, null, 0) >= 0)
                    return Errno.None;
                var errno = Errno.Last;
                if (errno != Errno.Interrupted)
                    return errno;
            }
        }
    }

    /// <summary>
    /// Receives one datagram. <paramref name="wait"/> false: <see cref="Errno.TryAgain"/> when nothing waits.
    /// <see cref="Errno.NoBufferSpace"/> tells once that news was lost; the queue reads on after it.
    /// </summary>
    public Errno Receive(Span<byte> buffer, out int length, bool wait)
    {
        length = 0;
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                var received = LibC.ReceiveFrom(Handle, pointer, (nuint)buffer.Length, wait ? 0 : LibC.MSG_DONTWAIT, null, null);
                if (received >= 0)
                {
                    length = (int)Math.Min(received, buffer.Length);
                    return Errno.None;
                }
                var errno = Errno.Last;
                if (errno != Errno.Interrupted)
                    return errno;
            }
        }
    }

    /// <summary>
    /// Sends one request that ends with an acknowledgement (NLM_F_ACK set, this <paramref name="sequence"/>) and waits for it. A batch
    /// (nf_tables), all of whose messages carry the sequence, answers its first error; what it answers beyond is dropped later.
    /// </summary>
    public Errno Request(ReadOnlySpan<byte> messages, uint sequence)
    {
        var errno = Send(messages);
        if (!errno.IsSuccess)
            return errno;
        Span<byte> buffer = stackalloc byte[8192];
        while (true)
        {
            errno = Receive(buffer, out var length, wait: true);
            if (!errno.IsSuccess)
                return errno;
            foreach (var message in new NetlinkMessages(buffer[..length]))
            {
                if (message.Type == NetlinkMessage.ErrorType && message.Sequence == sequence)
                    return new Errno(message.Error);
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();
}
