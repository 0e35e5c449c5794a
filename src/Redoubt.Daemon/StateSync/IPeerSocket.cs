using Microsoft.Win32.SafeHandles;
using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>A datagram in the buffer it was received into.</summary>
/// <param name="Offset">Where its content begins.</param>
/// <param name="Length">Bytes of it; more than the buffer has where it was too long.</param>
/// <param name="Peer">The configured peer it came from, -1 for anybody else.</param>
/// <param name="Ttl">TTL or hop limit; -1 where it does not matter.</param>
internal readonly record struct PeerDatagram(int Offset, int Length, int Peer, int Ttl);

/// <summary>The way to the peers.</summary>
internal interface IPeerSocket : IDatagramSink, IDisposable
{
    /// <summary>The descriptor, for poll.</summary>
    SafeFileHandle Handle { get; }

    /// <summary>Errors the network reported while receiving.</summary>
    long ReceiveFaults { get; }

    /// <summary>The next datagram; false when none waits.</summary>
    bool TryReceive(Span<byte> buffer, out PeerDatagram datagram);
}
