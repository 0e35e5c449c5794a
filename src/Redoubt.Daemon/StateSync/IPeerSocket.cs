using Microsoft.Win32.SafeHandles;

namespace Redoubt.Daemon.StateSync;

/// <summary>A datagram in the buffer it was received into.</summary>
/// <param name="Offset">Where its content begins.</param>
/// <param name="Length">Bytes of it; more than the buffer has where it was too long.</param>
/// <param name="Peer">The configured peer it came from, -1 for anybody else.</param>
/// <param name="Ttl">TTL or hop limit; -1 where it does not matter.</param>
internal readonly record struct PeerDatagram(int Offset, int Length, int Peer, int Ttl);

/// <summary>One way to the peers.</summary>
internal interface IPeerSocket : IDisposable
{
    /// <summary>Sends to the peer of this number; false when the datagram was not taken.</summary>
    bool Send(int peer, ReadOnlySpan<byte> datagram);

    /// <summary>The descriptor, for poll.</summary>
    SafeFileHandle Handle { get; }

    /// <summary>Errors the network reported while receiving.</summary>
    long ReceiveFaults { get; }

    /// <summary>The next datagram; false when none waits.</summary>
    bool TryReceive(Span<byte> buffer, out PeerDatagram datagram);
}
