using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Nftables;

/// <summary>Hears when a table is deleted (nfnetlink group of nf_tables): "nft flush ruleset", a restart of nftables.service. Owned by one thread.</summary>
public sealed class TableMonitor : IDisposable
{
    private const int Group = 7; // NFNLGRP_NFTABLES
    private const ushort DeleteTable = (10 << 8) | 2;
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Netfilter);
    private readonly byte[] _buffer = new byte[64 * 1024];

    /// <summary>Joins the group.</summary>
    public TableMonitor()
    {
        _socket.SetReceiveBuffer(4 << 20);
        _socket.Join(Group);
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle => _socket.Handle;

    /// <summary>
    /// Reads all that waits. True where the table was deleted by another port than <paramref name="ownPort"/>, or news was lost.
    /// </summary>
    public bool TookAway(string table, uint ownPort)
    {
        var gone = false;
        while (true)
        {
            var errno = _socket.Receive(_buffer, out var length, wait: false);
            if (errno == Errno.NoBufferSpace)
            {
                gone = true;
                continue;
            }
            if (!errno.IsSuccess)
                return gone;
            foreach (var message in new NetlinkMessages(_buffer.AsSpan(0, length)))
            {
                if (message.Type != DeleteTable || message.Port == ownPort)
                    continue;
                foreach (var attribute in message.Attributes(4))
                    gone |= attribute.Type == 1 && attribute.Text == table;
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();
}
