using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>The links to the peers, in order.</summary>
internal sealed class PeerLinks(IReadOnlyList<IPeerSocket> sockets) : IDatagramSink, IDisposable
{
    /// <summary>Links.</summary>
    public IReadOnlyList<IPeerSocket> Sockets => sockets;

    /// <summary>Errors that the network reported while receiving.</summary>
    public long ReceiveFaults => sockets.Sum(s => s.ReceiveFaults);

    public bool Send(int peer, int link, ReadOnlySpan<byte> datagram) => sockets[link].Send(peer, datagram);

    public void Dispose()
    {
        foreach (var socket in sockets)
            socket.Dispose();
    }
}
