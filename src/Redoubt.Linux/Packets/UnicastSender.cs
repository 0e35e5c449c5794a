using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>
/// Sends whole IP packets out of one device to single hosts: the kernel finds the next hop and its MAC. They carry our header, so that source and TTL are
/// ours. Not thread safe: one owner.
/// </summary>
public sealed unsafe class UnicastSender : IDisposable
{
    private const int Raw = 255; // IPPROTO_RAW: the header is included, and nothing is received
    private readonly SafeFileHandle _handle;
    private readonly int _interfaceIndex;
    private readonly bool _ipv6;
    private uint _mark;

    /// <summary>Opens it, bound to the device; throws <see cref="KernelException"/> where the kernel refuses.</summary>
    public UnicastSender(int interfaceIndex, string device, bool ipv6)
    {
        (_interfaceIndex, _ipv6) = (interfaceIndex, ipv6);
        _handle = LibC.OpenSocket(ipv6 ? LibC.AF_INET6 : LibC.AF_INET, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK, Raw);
        var errno = LibC.SetOption(_handle, LibC.SOL_SOCKET, LibC.SO_BINDTODEVICE, Encoding.UTF8.GetBytes(device + "\0"));
        if (errno.IsSuccess)
            return;
        _handle.Dispose();
        throw new KernelException("unicast sender: bind to " + device, errno);
    }

    /// <summary>Sends a packet, header included, with a firewall mark (SO_MARK).</summary>
    public Errno Send(ReadOnlySpan<byte> packet, IpAddressValue destination, uint mark)
    {
        if (mark != _mark)
        {
            var errno = LibC.SetOption(_handle, LibC.SOL_SOCKET, LibC.SO_MARK, (int)mark);
            if (!errno.IsSuccess)
                return errno;
            _mark = mark;
        }
        // sockaddr_in = family u16 | port u16 | address 4 | zero 8; sockaddr_in6 = family u16 | port u16 | flow u32 | address 16 | scope u32
        Span<byte> address = stackalloc byte[28];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)(_ipv6 ? LibC.AF_INET6 : LibC.AF_INET));
        destination.Write(_ipv6 ? address.Slice(8, 16) : address.Slice(4, 4));
        if (_ipv6 && destination.High >> 54 == 0xfe80 >> 6)
            MemoryMarshal.Write(address[24..], _interfaceIndex);
        fixed (byte* data = packet)
        fixed (byte* name = address)
        {
            while (true)
            {
                if (LibC.SendTo(_handle, data, (nuint)packet.Length, LibC.MSG_DONTWAIT, name, _ipv6 ? 28 : 16) >= 0)
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
