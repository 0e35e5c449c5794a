using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>Sessions with the peers: what comes in, what goes out, what was lost.</summary>
public sealed partial class StateSyncEngine
{
    private PfsyncWriter _writer;

    /// <summary>A datagram of a peer. Answers why it, or the rest of it, was refused.</summary>
    public PfsyncRejection OnDatagram(int peer, ReadOnlySpan<byte> datagram, Instant now)
    {
        var rejection = Receive(_peers[peer], datagram, now);
        Counters.Count(rejection);
        return rejection;
    }

    /// <summary>A datagram came from nobody that is configured.</summary>
    public void OnStranger() => Counters.Count(PfsyncRejection.UnknownPeer);

    private PfsyncRejection Receive(StateSyncPeer peer, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!PfsyncSeal.TryOpen(datagram, out var content))
            return PfsyncRejection.BadSeal;
        var rejection = PfsyncHeader.TryRead(content, out var header);
        if (rejection != PfsyncRejection.None)
            return rejection;
        if (IsTaken(header.Node, peer))
        {
            Tell("duplicate-node", $"a peer calls itself node {header.Node}, which another node is already");
            return PfsyncRejection.DuplicateNode;
        }
        var sections = new PfsyncSections(content[PfsyncHeader.Length..]);
        var known = peer.HasSession && header.Epoch == peer.Epoch && header.Stream == peer.InStream && header.Node == peer.Node;
        if (!known && (header.Echo != peer.Challenge || header.Stream == 0 || header.Epoch == 0))
        {
            // Nothing of it counts but the challenge, with which we can prove ourselves and so get it to prove itself.
            while (sections.MoveNext())
            {
                if (sections.Action == PfsyncAction.Hello && sections.Message.Length >= PfsyncHello.Length)
                    LearnChallenge(peer, PfsyncHello.Read(sections.Message), now);
            }
            return PfsyncRejection.BadSession;
        }
        if (!known)
            BeginSession(peer, header, now);
        Heard(peer, now);
        if (header.Sequence != 0)
        {
            if (!peer.Received.TryAdd(header.Sequence))
            {
                peer.OwesAck = true;
                return PfsyncRejection.Duplicate;
            }
            peer.OwesAck = true;
        }
        return Take(peer, header.Sequence, sections, now);
    }

    private bool IsTaken(byte node, StateSyncPeer peer)
    {
        if (node == _settings.NodeId)
            return true;
        foreach (var other in _peers)
        {
            if (other != peer && other.Node == node && other.IsAlive)
                return true;
        }
        return false;
    }

    private void LearnChallenge(StateSyncPeer peer, in PfsyncHello hello, Instant now)
    {
        if (hello.Challenge == peer.Echo)
            return;
        peer.Echo = hello.Challenge;
        // At most one answer for each change: a flood of garbage hellos is not answered in kind.
        if (peer.NextHello > now + _ackDelay)
            peer.NextHello = now + _ackDelay;
    }

    private void BeginSession(StateSyncPeer peer, in PfsyncHeader header, Instant now)
    {
        var otherLife = peer.Epoch != header.Epoch;
        (peer.Node, peer.Epoch, peer.InStream) = (header.Node, header.Epoch, header.Stream);
        peer.Received.Reset();
        peer.Challenge = NextChallenge();
        if (otherLife)
        {
            // It has forgotten what we sent.
            peer.RestartStream();
            ClearQueue(peer);
            peer.BulkOutRequest = 0;
        }
        AskForBulk(peer, now);
        peer.NextHello = now;
    }

    private void Heard(StateSyncPeer peer, Instant now)
    {
        peer.HeardAt = now;
        _hadPeer = true;
        if (peer.IsAlive)
            return;
        peer.IsAlive = true;
        Tell("peer-up", $"node {peer.Node} is heard");
    }

    private PfsyncRejection Take(StateSyncPeer peer, ulong sequence, PfsyncSections sections, Instant now)
    {
        var bad = false;
        while (sections.MoveNext())
            bad |= !TryTake(peer, sequence, sections.Action, sections.Message, now);
        return sections.IsMalformed ? PfsyncRejection.BadSection
            : bad ? PfsyncRejection.BadMessage
            : PfsyncRejection.None;
    }

    private bool TryTake(StateSyncPeer peer, ulong sequence, PfsyncAction action, ReadOnlySpan<byte> message, Instant now)
    {
        if (sequence == 0 && action is not (PfsyncAction.Hello or PfsyncAction.Resend))
            return false;
        switch (action)
        {
            case PfsyncAction.Hello:
                if (message.Length < PfsyncHello.Length)
                    return false;
                TakeHello(peer, PfsyncHello.Read(message), now);
                return true;
            case PfsyncAction.Resend:
                if (message.Length < 16)
                    return false;
                Resend(peer, message, now);
                return true;
            case PfsyncAction.BulkRequest or PfsyncAction.BulkStart or PfsyncAction.BulkEnd:
                return TryTakeBulk(peer, sequence, action, message, now);
        }
        if (LinuxState.LengthOf(action) == 0)
            return true; // of a later version
        if (!LinuxState.TryRead(message, action, out var state) || state.Identity.Incarnation > HighestIncarnation)
            return false;
        switch (action)
        {
            case PfsyncAction.Delete4 or PfsyncAction.Delete6:
                Delete(peer, state, now);
                break;
            case PfsyncAction.Ask4 or PfsyncAction.Ask6:
                Answer(peer, state, now);
                break;
            default:
                if (peer.BulkIn == BulkProgress.Running)
                    peer.BulkInReceived++;
                Merge(peer, state, now);
                break;
        }
        return true;
    }

    private void TakeHello(StateSyncPeer peer, in PfsyncHello hello, Instant now)
    {
        peer.Echo = hello.Challenge;
        peer.IsForwarding = hello.IsForwarding;
        peer.TheirSentAt = hello.SentAt;
        peer.TheirHelloAt = now;
        _clock = Math.Max(_clock, Math.Min(hello.Clock, HighestIncarnation));
        if (hello.AckStream == peer.OutStream)
            peer.Acknowledge(hello.AckSequence, now);
        if (hello.EchoSentAt > 0 && hello.EchoSentAt <= now.Nanoseconds)
        {
            var round = (now.Nanoseconds - hello.EchoSentAt) / 1e6 - (hello.HoldMicroseconds / 1e3);
            if (round >= 0)
                peer.RoundTripMilliseconds = round;
        }
    }

    private void ClearQueue(StateSyncPeer peer)
    {
        while (peer.Queue.Count > 0)
        {
            ref var slot = ref _store[peer.Queue.Pop()];
            slot.QueuedFor &= (byte)~peer.Bit;
            slot.AskedFrom &= (byte)~peer.Bit;
        }
    }

    private void Queue(int index)
    {
        foreach (var peer in _peers)
        {
            if (peer.HasSession && peer.IsAlive)
                Queue(index, peer);
        }
    }

    private void Queue(int index, StateSyncPeer peer)
    {
        ref var slot = ref _store[index];
        if ((slot.QueuedFor & peer.Bit) != 0)
            return;
        slot.QueuedFor |= peer.Bit;
        peer.Queue.Push(index);
    }

    private static bool CanSend(StateSyncPeer peer) => peer is { IsAlive: true, HasSession: true, Echo: not 0 };

    /// <summary>Sends what waits, as far as the peers' windows go. Call it after the news of a turn was handled.</summary>
    public void Flush(Instant now)
    {
        foreach (var peer in _peers)
        {
            if (CanSend(peer))
            {
                SendQueue(peer, now);
                SendBulk(peer, now);
                RetryOldest(peer, now);
            }
            if (now >= peer.NextHello || OwesAckNow(peer, now))
                SendHello(peer, now);
        }
    }

    private bool OwesAckNow(StateSyncPeer peer, Instant now)
    {
        if (peer.Received.HasGap && now >= peer.NextResendRequest)
            return true;
        return peer.OwesAck && (peer.NextHello - now <= _helloPeriod - _ackDelay || peer.Received.Contiguous % AckEvery == 0);
    }

    private void SendQueue(StateSyncPeer peer, Instant now)
    {
        if (peer.OwesBulkRequest && peer.HasRoom)
        {
            peer.OwesBulkRequest = false;
            Begin(peer);
            WriteNumbers(peer, PfsyncAction.BulkRequest, peer.BulkInRequest, null);
            Send(peer, now);
        }
        while (peer.Queue.Count > 0 && peer.HasRoom)
        {
            Begin(peer);
            while (peer.Queue.Count > 0 && TryWrite(peer, peer.Queue.Peek()))
                peer.Queue.Pop();
            if (_writer.IsEmpty)
                continue; // only silent ones were left
            Send(peer, now);
        }
    }

    // False where the datagram is full.
    private bool TryWrite(StateSyncPeer peer, int index)
    {
        ref var slot = ref _store[index];
        var ipv6 = slot.State.Entry.Original.Family == 10;
        if (slot.Use == SlotUse.Live)
        {
            var asks = (slot.AskedFrom & peer.Bit) != 0;
            var action = asks ? (ipv6 ? PfsyncAction.Ask6 : PfsyncAction.Ask4) : LinuxState.ActionOf(slot.State);
            if (!TryWrite(peer, action, slot.State))
                return false;
            if (asks)
                Counters.AsksSent++;
            else
                Counters.StatesSent++;
        }
        else if (slot is { Use: SlotUse.Ended, IsSilent: false })
        {
            if (!TryWrite(peer, ipv6 ? PfsyncAction.Delete6 : PfsyncAction.Delete4, slot.State))
                return false;
            Counters.DeletesSent++;
        }
        slot.QueuedFor &= (byte)~peer.Bit;
        return true;
    }

    private bool TryWrite(StateSyncPeer peer, PfsyncAction action, in ReplicatedState state)
    {
        var room = _writer.Append(peer.NextBuffer, action, LinuxState.LengthOf(action));
        if (room.IsEmpty)
            return false;
        LinuxState.Write(room, action, state);
        return true;
    }

    private void Begin(StateSyncPeer peer)
    {
        _ = peer;
        _writer = default;
        _writer.Begin();
    }

    private void Send(StateSyncPeer peer, Instant now)
    {
        var buffer = peer.NextBuffer;
        var length = _writer.Length;
        var sequence = peer.Keep(length, now);
        WriteHeader(peer, buffer, length, sequence);
        Post(peer, buffer, length);
    }

    private void WriteHeader(StateSyncPeer peer, Span<byte> buffer, int length, ulong sequence) =>
        new PfsyncHeader
        {
            Node = _settings.NodeId,
            Epoch = _settings.Epoch,
            Sequence = sequence,
            Stream = peer.OutStream,
            Echo = peer.Echo,
        }.Write(buffer, length);

    private void Post(StateSyncPeer peer, Span<byte> buffer, int length)
    {
        // What the way does not take counts as lost, and comes again.
        Counters.DatagramsSent++;
        _sink.Send(peer.Index, buffer[..PfsyncSeal.Seal(buffer, length)]);
    }

    private void SendHello(StateSyncPeer peer, Instant now)
    {
        peer.NextHello = now + _helloPeriod;
        peer.OwesAck = false;
        Begin(peer);
        new PfsyncHello
        {
            Challenge = peer.Challenge,
            AckStream = peer.InStream,
            AckSequence = peer.Received.Contiguous,
            Clock = _clock,
            SentAt = now.Nanoseconds,
            EchoSentAt = peer.TheirSentAt,
            HoldMicroseconds = (uint)Math.Clamp((now - peer.TheirHelloAt).TotalMicroseconds, 0, uint.MaxValue),
            IsForwarding = IsForwarding,
            IsReady = IsReady,
        }.Write(_writer.Append(_control, PfsyncAction.Hello, PfsyncHello.Length));
        if (peer.Received.HasGap && now >= peer.NextResendRequest)
        {
            peer.NextResendRequest = now + _resendRequestPeriod;
            var (first, last) = peer.Received.FirstGap();
            var room = _writer.Append(_control, PfsyncAction.Resend, 16);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(room, first);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(room[8..], last);
        }
        WriteHeader(peer, _control, _writer.Length, 0);
        Post(peer, _control, _writer.Length);
    }

    private void Resend(StateSyncPeer peer, ReadOnlySpan<byte> message, Instant now)
    {
        var first = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(message);
        var last = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(message[8..]);
        for (var i = 0; i < AckEvery && first <= last; i++, first++)
        {
            if (!Again(peer, first))
                return;
            peer.Retried(now);
        }
    }

    // The last of a burst leaves no gap behind when it is lost.
    private void RetryOldest(StateSyncPeer peer, Instant now)
    {
        if (peer.Unacknowledged == 0 || now - peer.ProgressAt < _resendAfter)
            return;
        peer.Retried(now);
        Again(peer, peer.Acknowledged + 1);
    }

    private bool Again(StateSyncPeer peer, ulong sequence)
    {
        var kept = peer.Kept(sequence);
        if (kept.IsEmpty)
            return false;
        WriteHeader(peer, kept, kept.Length, sequence); // the challenge may have changed since
        Counters.DatagramsResent++;
        Post(peer, kept, kept.Length);
        return true;
    }
}
