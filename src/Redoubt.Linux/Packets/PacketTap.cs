using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>Receives every frame that passes a device, in either direction (AF_PACKET, promiscuous). For diagnosis and tests.</summary>
public sealed unsafe class PacketTap : IDisposable
{
    private const ushort AllProtocols = 0x0300; // htons(ETH_P_ALL)
    private const int ReceiveBuffer = 4 << 20;

    /// <summary>Opens it on a device.</summary>
    public PacketTap(int interfaceIndex)
    {
        Handle = LibC.OpenSocket(LibC.AF_PACKET, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK, 0);
        LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_RCVBUF, ReceiveBuffer);
        Span<byte> address = stackalloc byte[20];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)LibC.AF_PACKET);
        MemoryMarshal.Write(address[2..], AllProtocols);
        MemoryMarshal.Write(address[4..], interfaceIndex);
        fixed (byte* pointer = address)
        {
            if (LibC.Bind(Handle, pointer, address.Length) != 0)
                throw new KernelException($"bind packet socket to interface {interfaceIndex}", Errno.Last);
        }
        // packet_mreq = index i32 | type u16 | length u16 | address 8 bytes
        Span<byte> membership = stackalloc byte[16];
        membership.Clear();
        MemoryMarshal.Write(membership, interfaceIndex);
        MemoryMarshal.Write(membership[4..], (ushort)LibC.PACKET_MR_PROMISC);
        var errno = LibC.SetOption(Handle, LibC.SOL_PACKET, LibC.PACKET_ADD_MEMBERSHIP, membership);
        if (!errno.IsSuccess)
            throw new KernelException("promiscuous mode", errno);
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Takes the next frame; false when none waits. A longer frame is cut to the buffer.</summary>
    public bool TryReceive(Span<byte> buffer, out int length, out bool outgoing)
    {
        Span<byte> address = stackalloc byte[20];
        var addressLength = address.Length;
        fixed (byte* data = buffer)
        fixed (byte* name = address)
        {
            while (true)
            {
                var received = LibC.ReceiveFrom(Handle, data, (nuint)buffer.Length, LibC.MSG_DONTWAIT, name, &addressLength);
                if (received < 0 && Errno.Last == Errno.Interrupted)
                    continue;
                length = (int)Math.Max(received, 0);
                outgoing = address[10] == LibC.PACKET_OUTGOING;
                return received >= 0;
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();
}
