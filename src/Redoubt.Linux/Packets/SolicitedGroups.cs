using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>
/// Membership in the solicited-node groups of IPv6 addresses (ff02::1:ff and their last 24 bits) on one device: switches that watch memberships then pass
/// the questions for these addresses on to it. Hears nothing itself.
/// </summary>
public sealed class SolicitedGroups : IDisposable
{
    private const int GroupsPerSocket = 128; // each takes some of the socket's option memory, 20 KiB by default
    private readonly List<SafeFileHandle> _sockets = [];

    /// <summary>Joins; the first error ends it, and what was joined until then stays.</summary>
    public Errno Join(int interfaceIndex, IEnumerable<IpAddressValue> addresses)
    {
        // ipv6_mreq = group 16 | index i32
        Span<byte> request = stackalloc byte[20];
        MemoryMarshal.Write(request[16..], interfaceIndex);
        var count = 0;
        foreach (var low in addresses.Select(a => a.Low & 0xff_ffff).Distinct())
        {
            if (count++ % GroupsPerSocket == 0)
                _sockets.Add(LibC.OpenSocket(LibC.AF_INET6, LibC.SOCK_DGRAM, 0));
            new IpAddressValue(0xff02_0000_0000_0000, 0x0000_0001_ff00_0000 | low).Write(request[..16]);
            var errno = LibC.SetOption(_sockets[^1], LibC.SOL_IPV6, LibC.IPV6_ADD_MEMBERSHIP, request);
            if (!errno.IsSuccess)
                return errno;
        }
        return Errno.None;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
    }
}
