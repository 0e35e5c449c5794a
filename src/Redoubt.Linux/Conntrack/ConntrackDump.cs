using Redoubt.Core.StateSync;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Conntrack;

/// <summary>
/// A walk over the kernel's table. The kernel builds the next part when the last one has been read, so the caller sets the
/// pace by calling or not calling; nothing is held but one part of 32 KiB. Not thread safe: one owner.
/// </summary>
public sealed class ConntrackDump : IDisposable
{
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Netfilter);
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(ConntrackLimits.DumpBufferLength, pinned: true);
    private readonly uint _sequence;
    private int _position;
    private int _length;

    internal ConntrackDump(byte family)
    {
        _sequence = _socket.NextSequence();
        Span<byte> request = stackalloc byte[32];
        var writer = new NetlinkWriter(request);
        ConntrackMessage.WriteDump(ref writer, family, _sequence);
        Errno = _socket.Send(writer.Finish());
        IsComplete = !Errno.IsSuccess;
    }

    /// <summary>True when the walk has ended, well or not.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>What ended the walk early; success otherwise.</summary>
    public Errno Errno { get; private set; }

    /// <summary>Messages that were skipped because they could not be read.</summary>
    public long Malformed { get; private set; }

    /// <summary>The next entry; false at the end. Allocates nothing.</summary>
    public bool TryRead(out ConntrackEntry entry)
    {
        entry = default;
        while (!IsComplete)
        {
            if (_position >= _length && !Refill())
                return false;
            var messages = new NetlinkMessages(_buffer.AsSpan(_position, _length - _position));
            if (!messages.MoveNext())
            {
                Malformed++;
                _position = _length;
                continue;
            }
            var message = messages.Current;
            _position += (message.Body.Length + 16 + 3) & ~3;
            if (message.Sequence != _sequence)
                continue;
            if (message.Type is NetlinkMessage.DoneType or NetlinkMessage.ErrorType)
            {
                End(new Errno(message.Error));
                return false;
            }
            if (ConntrackMessage.TryRead(message, out entry, out _))
                return true;
            Malformed++;
        }
        return false;
    }

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    private bool Refill()
    {
        _position = 0;
        var errno = _socket.Receive(_buffer, out _length, wait: false);
        if (errno.IsSuccess)
            return true;
        _length = 0;
        End(errno);
        return false;
    }

    private void End(Errno errno)
    {
        IsComplete = true;
        Errno = errno;
    }
}
