using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>
/// Sends whole Ethernet frames out of one device (AF_PACKET). They pass no IP hook and so never enter conntrack, but they do
/// pass the device's egress hook. Not thread safe: one owner.
/// </summary>
public sealed unsafe class PacketSender : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly int _interfaceIndex;
    private uint _mark;

    /// <summary>Opens it; it receives nothing.</summary>
    public PacketSender(int interfaceIndex)
    {
        _interfaceIndex = interfaceIndex;
        _handle = LibC.OpenSocket(LibC.AF_PACKET, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK, 0);
    }

    /// <summary>Sends a frame with a firewall mark (SO_MARK).</summary>
    public Errno Send(ReadOnlySpan<byte> frame, uint mark)
    {
        if (mark != _mark)
        {
            var errno = LibC.SetOption(_handle, LibC.SOL_SOCKET, LibC.SO_MARK, (int)mark);
            if (!errno.IsSuccess)
                return errno;
            _mark = mark;
        }
        // sockaddr_ll = family u16 | protocol u16 BE | index i32 | hatype u16 | pkttype u8 | halen u8 | addr 8 bytes
        Span<byte> address = stackalloc byte[20];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)LibC.AF_PACKET);
        frame.Slice(12, 2).CopyTo(address[2..]);
        MemoryMarshal.Write(address[4..], _interfaceIndex);
        address[11] = 6;
        frame[..6].CopyTo(address[12..]);
        fixed (byte* data = frame)
        fixed (byte* name = address)
        {
            while (true)
            {
                if (LibC.SendTo(_handle, data, (nuint)frame.Length, 0, name, address.Length) >= 0)
                    return Errno.None;
                var errno = Errno.Last;
                if (errno != Errno.Interrupted)
                    return errno;
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => _handle.Dispose();
}
