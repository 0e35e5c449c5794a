using System.Buffers.Binary;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// Who is there. A peer's stream is accepted only after a hello in its name echoed our present challenge, which changes with every
// acceptance: no recorded datagram opens a session. Within a session datagrams are handled in order and each once.
public sealed partial class StateSyncEngine
{
    /// <summary>Takes in a datagram from the address of peer <paramref name="number"/>; answers why it was refused, or None.</summary>
    public PfsyncRejection Receive(Instant now, int number, ReadOnlySpan<byte> datagram, int link = 0)
    {
        _now = now;
        _linkHeard = link;
        Counters.DatagramsReceived++;
        var rejection = Receive(number, datagram);
        if (rejection == PfsyncRejection.None)
            Counters.DatagramsAccepted++;
        return rejection;
    }

    private PfsyncRejection Receive(int number, ReadOnlySpan<byte> datagram)
    {
        if ((uint)number >= (uint)_peers.Length)
            return Counters.Count(PfsyncRejection.UnknownPeer);
        var peer = _peers[number];
        if (datagram.Length > PfsyncLimits.MaxDatagram)
            return Counters.Count(PfsyncRejection.TooLong);
        var rejection = Open(peer, datagram, out var content);
        if (rejection != PfsyncRejection.None)
        {
            // Sealed for a session that this node does not know: a hello tells the peer.
            if (rejection == PfsyncRejection.BadSession)
                peer.HelloDue = true;
            return Counters.Count(rejection);
        }
        rejection = PfsyncHeader.TryRead(content, out var header);
        if (rejection == PfsyncRejection.None && IsTaken(peer, header.Node))
            rejection = PfsyncRejection.DuplicateNode;
        if (rejection != PfsyncRejection.None)
            return Counters.Count(rejection);
        return header.Sequence == 0 ? ReceiveControl(peer, header, content) : ReceiveInStream(peer, header, content);
    }

    private PfsyncRejection Open(PeerSession peer, ReadOnlySpan<byte> datagram, out ReadOnlySpan<byte> content)
    {
        content = datagram;
        if (peer.Seal is { } seal)
        {
            var rejection = seal.Open(datagram, _opened, out var length);
            content = _opened.AsSpan(0, length);
            return rejection;
        }
        return PfsyncSeal.IsPlain(datagram) ? PfsyncRejection.None : PfsyncRejection.Encrypted;
    }

    private bool IsTaken(PeerSession peer, byte node)
    {
        if (node == _options.NodeId)
            return true;
        foreach (var other in _peers)
        {
            if (other != peer && other.IsOpen && other.Node == node)
                return true;
        }
        return false;
    }

    private PfsyncRejection ReceiveControl(PeerSession peer, in PfsyncHeader header, ReadOnlySpan<byte> content)
    {
        var sections = new PfsyncSections(content[PfsyncHeader.Length..]);
        if (!sections.MoveNext() || sections.Action != PfsyncAction.Hello || sections.Message.Length < PfsyncHello.Length)
            return Counters.Count(PfsyncRejection.BadSection);
        var hello = PfsyncHello.Read(sections.Message);
        if (!IsCurrent(peer, header))
        {
            if (header.Echo != peer.Challenge || header.Stream == 0)
            {
                NoteUnproven(peer);
                Answer(peer, hello.Challenge);
                return Counters.Count(PfsyncRejection.BadSession);
            }
            peer.Digests.IsUnderstood = hello.ComparesDigests;
            Open(peer, header);
            peer.HelloDue = true;
            peer.NextHello = _now;
        }
        else if (peer.Seal is not null && IsOutsideSession(content) && hello.SentAt <= peer.TheirSentAt)
            // Such a hello has no number: an old one must not pass for a sign of life.
            return Counters.Count(PfsyncRejection.Duplicate);
        HearLink(peer);
        TakeHello(peer, hello);
        while (sections.MoveNext())
        {
            if (sections.Action == PfsyncAction.Resend && sections.Message.Length >= 16)
                Resend(peer, sections.Message);
        }
        return sections.IsMalformed ? Counters.Count(PfsyncRejection.BadSection) : PfsyncRejection.None;
    }

    private static bool IsOutsideSession(ReadOnlySpan<byte> content) => PfsyncSeal.KeyIdOf(content) == PfsyncSeal.HelloKey;

    // Whoever is unproven gets its echo at once, and is not remembered: recorded hellos cannot displace the challenge of the living.
    private void Answer(PeerSession peer, uint challenge)
    {
        if (_now >= peer.AnswersUntil)
            (peer.Answers, peer.AnswersUntil) = (0, _now + _helloInterval);
        if (peer.Answers >= AnswersPerInterval)
            return;
        peer.Answers++;
        var kept = peer.EchoChallenge;
        peer.EchoChallenge = challenge;
        SendHello(peer, isAnswer: true);
        peer.EchoChallenge = kept;
    }

    private PfsyncRejection ReceiveInStream(PeerSession peer, in PfsyncHeader header, ReadOnlySpan<byte> content)
    {
        if (peer.Seal is not null && IsOutsideSession(content))
            return Counters.Count(PfsyncRejection.BadSeal);
        if (!IsCurrent(peer, header))
        {
            peer.HelloDue = true;
            return Counters.Count(PfsyncRejection.BadSession);
        }
        peer.LastHeard = _now;
        HearLink(peer);
        peer.HelloDue = true;
        if (header.Sequence != peer.Expected)
        {
            return header.Sequence > peer.Expected && peer.KeepEarly(header.Sequence, content)
                ? PfsyncRejection.None
                : Counters.Count(PfsyncRejection.Duplicate);
        }
        var rejection = PfsyncRejection.None;
        do
        {
            peer.Expected++;
            var handled = Handle(peer, content);
            if (rejection == PfsyncRejection.None)
                rejection = handled;
        } while (peer.TakeExpected(out content));
        return rejection;
    }

    private static bool IsCurrent(PeerSession peer, in PfsyncHeader header) =>
        peer.IsOpen && peer.TheirEpoch == header.Epoch && peer.TheirStream == header.Stream && peer.Node == header.Node;

    private void Open(PeerSession peer, in PfsyncHeader header)
    {
        var isNewLife = peer.TheirEpoch != header.Epoch;
        if (isNewLife && peer.TheirEpoch != 0)
            Notice?.Invoke("peer-restarted", $"node {header.Node} was restarted");
        if (isNewLife)
        {
            peer.Digests.TheyDiffer = peer.Digests.WeDiffer = 0;
            peer.Digests.TheyCompared = peer.Digests.WeCompared = Instant.Zero;
            RestartStream(peer);
        }
        peer.Node = header.Node;
        peer.TheirEpoch = header.Epoch;
        peer.TheirStream = header.Stream;
        peer.TheirSentAt = 0;
        peer.Seal?.Begin(header.Node, header.Epoch, _now);
        peer.IsOpen = true;
        peer.Expected = 1;
        peer.ClearEarly();
        peer.Challenge = NextChallenge();
        Counters.Sessions++;
        peer.Digests.NextInform = _now;
        RequestTable(peer);
    }

    private void RestartStream(PeerSession peer)
    {
        peer.Stream++;
        peer.IsConfirmed = false;
        ForgetHeld(peer);
        peer.NextSequence = 1;
        peer.Acked = 0;
        peer.BulkOutActive = false;
        peer.Digests.Restart();
        while (peer.QueueCount > 0)
        {
            ref var slot = ref _store[peer.Peek()];
            slot.Queued &= (byte)~peer.Bit;
            slot.Asking &= (byte)~peer.Bit;
            peer.Dequeue();
        }
        // What it was asked for in the old stream may be lost.
        if (peer.IsOpen)
            RequestTable(peer);
    }

    private void TakeHello(PeerSession peer, in PfsyncHello hello)
    {
        peer.LastHeard = _now;
        peer.EchoChallenge = hello.Challenge;
        if (hello.SentAt < peer.TheirSentAt)
            return;
        peer.TheirSentAt = hello.SentAt;
        peer.TheirSentAtHeard = _now;
        NoteHeard(peer, hello, _now);
        peer.IsForwarding = hello.IsForwarding;
        peer.IsReady = hello.IsReady;
        NoteLinks(peer, hello.Links);
        if (hello.Clock <= MaxIncarnation)
            _clock = Math.Max(_clock, hello.Clock);
        var trip = _now.Nanoseconds - hello.EchoSentAt - (hello.HoldMicroseconds * 1000L);
        if (hello.EchoSentAt > 0 && trip >= 0)
            peer.RoundTrip = TimeSpan.FromTicks(trip / 100);
        // An acknowledgement that goes back: the peer gave our session up meanwhile and waits for a stream from its first datagram.
        if (hello.AckStream != peer.Stream || hello.AckSequence < peer.Acked)
        {
            if (peer.IsConfirmed)
                RestartStream(peer);
            return;
        }
        if (!peer.IsConfirmed)
        {
            peer.IsConfirmed = true;
            peer.ConfirmedAt = _now;
            peer.HelloDue = true;
        }
        if (hello.AckSequence > peer.Acked && hello.AckSequence < peer.NextSequence)
        {
            for (var sequence = peer.Acked + 1; sequence <= hello.AckSequence; sequence++)
                peer.Lags.Add(_now, _now - peer.SentAt(sequence));
            peer.Acked = hello.AckSequence;
            peer.OldestSent = peer.AckedAt = _now;
            peer.RetransmitAfter = PeerSession.InitialRetransmit;
        }
    }

    private void CheckLife(PeerSession peer)
    {
        var isAlive = IsAlive(peer);
        if (isAlive != peer.WasAlive)
        {
            peer.WasAlive = isAlive;
            peer.AliveSince = _now;
            Notice?.Invoke(
                isAlive ? "peer-up" : "peer-down",
                isAlive ? $"node {peer.Node} is heard" : $"node {peer.Node} is not heard any more"
            );
        }
        if (!peer.IsOpen || _now - peer.LastHeard < _sessionLimit)
            return;
        peer.IsOpen = false;
        peer.IsForwarding = false;
        peer.BulkIn = BulkPhase.Waiting;
        peer.BulkRequestDue = false;
        peer.VerifyCursor = -1;
        RestartStream(peer);
    }

    private bool IsAlive(PeerSession peer) => peer.IsOpen && _now - peer.LastHeard < _aliveLimit;

    private void SendHello(PeerSession peer, bool isAnswer = false)
    {
        var writer = new PfsyncWriter();
        writer.Begin();
        var hello = new PfsyncHello
        {
            Challenge = peer.Challenge,
            AckStream = peer.IsOpen ? peer.TheirStream : 0,
            AckSequence = peer.IsOpen ? peer.Expected - 1 : 0,
            Clock = _clock,
            SentAt = _now.Nanoseconds,
            EchoSentAt = peer.IsOpen ? peer.TheirSentAt : 0,
            HoldMicroseconds = (uint)Math.Clamp((_now.Nanoseconds - peer.TheirSentAtHeard.Nanoseconds) / 1000, 0, uint.MaxValue),
            IsForwarding = IsForwarding,
            IsReady = IsReady,
            ComparesDigests = true,
            Links = LinksHeard(peer),
        };
        NoteHello(peer);
        hello.Write(writer.Append(_control, PfsyncAction.Hello, PfsyncHello.Length));
        if (peer.IsOpen && _now >= peer.NextResendRequest && peer.FirstEarly() is var early and not 0)
        {
            var message = writer.Append(_control, PfsyncAction.Resend, 16);
            BinaryPrimitives.WriteUInt64BigEndian(message, peer.Expected);
            BinaryPrimitives.WriteUInt64BigEndian(message[8..], early - 1);
            peer.NextResendRequest = _now + TimeSpan.FromMilliseconds(5);
        }
        var isOutsideSession = isAnswer || !peer.IsOpen || !peer.IsConfirmed;
        if (isAnswer)
        {
            Send(peer, _control, writer.Length, sequence: 0, _linkHeard, isOutsideSession);
            return;
        }
        // A sign of life goes every way; acknowledgements in between where all goes.
        var isSignOfLife = _now >= peer.NextHello || isOutsideSession;
        for (var link = 0; link < _options.Links; link++)
        {
            if (isSignOfLife || link == peer.Link)
                Send(peer, _control, writer.Length, sequence: 0, link, isOutsideSession);
        }
        peer.HelloDue = false;
        if (isSignOfLife)
            peer.NextHello = _now + _helloInterval;
    }
}
