using Microsoft.Win32.SafeHandles;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;
using static Redoubt.Linux.Conntrack.ConntrackAttribute;

namespace Redoubt.Linux.Conntrack;

/// <summary>
/// News of the kernel's connection table. Listening costs whoever makes entries: join only the groups that are needed.
/// Reading allocates nothing. Not thread safe: one owner.
/// </summary>
public sealed unsafe class ConntrackEvents : IDisposable
{
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Netfilter);
    private readonly byte[] _events;
    private readonly byte[] _headers;
    private int _received;
    private int _next;
    private int _position;

    /// <summary>
    /// Listens to the groups asked for. <paramref name="receiveBuffer"/> is in bytes as the kernel accounts them: an event takes 1,280 of them
    /// however short it is (measured). What was granted is <see cref="ReceiveBuffer"/>.
    /// </summary>
    /// <exception cref="KernelException">The kernel has no connection tracking, or the process may not listen.</exception>
    public ConntrackEvents(bool news, bool updates, bool destroys, int receiveBuffer)
    {
        const int count = ConntrackLimits.EventsPerReceive;
        _events = GC.AllocateUninitializedArray<byte>(count * ConntrackLimits.MaxEventLength, pinned: true);
        _headers = GC.AllocateArray<byte>(count * (sizeof(LibC.MultiMessageHeader) + sizeof(LibC.IoVector)), pinned: true);
        fixed (byte* headers = _headers)
        fixed (byte* events = _events)
        {
            var messages = (LibC.MultiMessageHeader*)headers;
            var vectors = (LibC.IoVector*)(messages + count);
            for (var i = 0; i < count; i++)
            {
                vectors[i] = new LibC.IoVector
                {
                    Base = events + (i * ConntrackLimits.MaxEventLength),
                    Length = ConntrackLimits.MaxEventLength,
                };
                messages[i].Header.Vectors = vectors + i;
                messages[i].Header.VectorCount = 1;
            }
        }
        ReceiveBuffer = _socket.SetReceiveBuffer(Math.Clamp(receiveBuffer, 0, ConntrackLimits.MaxReceiveBuffer));
        if (news)
            _socket.Join(NFNLGRP_CONNTRACK_NEW);
        if (updates)
            _socket.Join(NFNLGRP_CONNTRACK_UPDATE);
        if (destroys)
            _socket.Join(NFNLGRP_CONNTRACK_DESTROY);
    }

    /// <summary>The descriptor, for poll.</summary>
    public SafeFileHandle Handle => _socket.Handle;

    /// <summary>Port id of this socket.</summary>
    public uint Port => _socket.Port;

    /// <summary>Receive buffer the kernel granted, in bytes as it accounts them.</summary>
    public int ReceiveBuffer { get; private set; }

    /// <summary>Events that were skipped because they could not be read, or are of a family that is not ours.</summary>
    public long Malformed { get; private set; }

    /// <summary>The flow that the last event of kind Expect or Unexpect is about.</summary>
    public ExpectedFlow Expected { get; private set; }

    /// <summary>How often the kernel dropped news because the buffer was full.</summary>
    public long Overruns { get; private set; }

    /// <summary>
    /// The next event. <see cref="Errno.TryAgain"/> when none waits; <see cref="Errno.NoBufferSpace"/> when news was lost at this place: the
    /// caller must compare with a dump, then reads on.
    /// </summary>
    public Errno TryRead(out ConntrackEvent news)
    {
        news = default;
        while (true)
        {
            while (_next < _received)
            {
                if (TryTake(ref news))
                    return Errno.None;
            }
            var errno = Refill();
            if (!errno.IsSuccess)
                return errno;
        }
    }

    /// <summary>
    /// Hears of new and changed entries and of expected flows, or does not any more. Every entry that enters a table somebody listens to costs the kernel an event: putting
    /// states in is nearly three times as fast where nobody does.
    /// </summary>
    public void ListenToChanges(bool listen)
    {
        foreach (
            var group in (ReadOnlySpan<int>)
                [NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE, NFNLGRP_CONNTRACK_EXP_NEW, NFNLGRP_CONNTRACK_EXP_DESTROY]
        )
        {
            if (listen)
                _socket.Join(group);
            else
                _socket.Leave(group);
        }
    }

    /// <summary>
    /// Doubles the receive buffer, up to <see cref="ConntrackLimits.MaxReceiveBuffer"/>. False when the kernel or the limit gives no more.
    /// </summary>
    public bool Grow()
    {
        // The kernel grants, and reports, twice of what is asked: to ask for what we have is to double it.
        var wanted = Math.Min(ReceiveBuffer, ConntrackLimits.MaxReceiveBuffer / 2);
        if (wanted * 2 <= ReceiveBuffer)
            return false;
        var before = ReceiveBuffer;
        ReceiveBuffer = _socket.SetReceiveBuffer(wanted);
        return ReceiveBuffer > before;
    }

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    /// <summary>Takes one message out of the datagrams at hand; false when it was none of ours, or its datagram is at its end.</summary>
    private bool TryTake(ref ConntrackEvent news)
    {
        int length;
        bool isCut;
        fixed (byte* headers = _headers)
        {
            var message = (LibC.MultiMessageHeader*)headers + _next;
            length = (int)Math.Min(message->Length, ConntrackLimits.MaxEventLength);
            isCut = (message->Header.Flags & LibC.MSG_TRUNC) != 0;
        }
        var messages = new NetlinkMessages(_events.AsSpan((_next * ConntrackLimits.MaxEventLength) + _position, length - _position));
        if (isCut || !messages.MoveNext())
        {
            if (isCut || messages.IsMalformed)
                Malformed++;
            _next++;
            _position = 0;
            return false;
        }
        var current = messages.Current;
        _position = Math.Min(_position + ((current.Body.Length + 16 + 3) & ~3), length);
        if (current.Type >> 8 == NFNL_SUBSYS_CTNETLINK_EXP)
        {
            if (!ConntrackMessage.TryReadExpectation(current, out var flow))
            {
                Malformed++;
                return false;
            }
            Expected = flow;
            news.Kind = (current.Type & 0xff) == IPCTNL_MSG_EXP_DELETE ? ConntrackEventKind.Unexpect : ConntrackEventKind.Expect;
            news.Port = current.Port;
            return true;
        }
        if (!ConntrackMessage.TryRead(current, out var entry, out var fields))
        {
            Malformed++;
            return false;
        }
        news.Kind =
            (current.Type & 0xff) == IPCTNL_MSG_CT_DELETE ? ConntrackEventKind.Destroy
            : (current.Flags & NetlinkFlags.Create) != 0 ? ConntrackEventKind.New
            : ConntrackEventKind.Update;
        news.Port = current.Port;
        news.Fields = fields;
        news.Entry = entry;
        return true;
    }

    private Errno Refill()
    {
        _received = _next = _position = 0;
        fixed (byte* headers = _headers)
        {
            while (true)
            {
                var received = LibC.ReceiveMessages(
                    Handle,
                    (LibC.MultiMessageHeader*)headers,
                    ConntrackLimits.EventsPerReceive,
                    LibC.MSG_DONTWAIT,
                    null
                );
                if (received > 0)
                {
                    _received = received;
                    return Errno.None;
                }
                var errno = received == 0 ? Errno.TryAgain : Errno.Last;
                if (errno == Errno.Interrupted)
                    continue;
                if (errno == Errno.NoBufferSpace)
                    Overruns++;
                return errno;
            }
        }
    }
}
