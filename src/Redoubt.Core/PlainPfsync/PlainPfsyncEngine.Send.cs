using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// What goes out, in the order of FreeBSD's sections: insertions, acknowledgements, updates, compressed ones, ends, requests. A flow waits in one queue at most and is written as
// it is then. All peers are told the same, each in its format.
public sealed partial class PlainPfsyncEngine
{
    private const int MaxRequestsQueued = 4096;
    private const int MaxAcksQueued = 4096;
    private const byte RefreshesUntilWhole = 8;
    private static readonly TimeSpan _correctionPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _requestPause = TimeSpan.FromSeconds(1);

    private readonly FlowQueue _inserts = new();
    private readonly FlowQueue _updates = new();
    private readonly FlowQueue _compressed = new();
    private readonly Queue<PfReference> _deletes = new();
    private readonly Queue<PfReference> _acks = new();
    private readonly Queue<PfReference> _requests = new();
    private readonly Dictionary<PfReference, Instant> _requested = [];

    private FlowQueue QueueOf(PfPending pending) =>
        pending switch
        {
            PfPending.Insert => _inserts,
            PfPending.Update => _updates,
            _ => _compressed,
        };

    /// <summary>Has peers told of a flow; what it waits for already stays where that says more.</summary>
    private void Tell(int number, PfPending how)
    {
        ref var flow = ref _store[number];
        if (
            flow.Pending == how
            || flow.Pending == PfPending.Insert
            || (flow.Pending == PfPending.Update && how == PfPending.UpdateCompressed)
        )
            return;
        Unqueue(number, ref flow);
        flow.Pending = how;
        QueueOf(how).Append(number);
    }

    private void Unqueue(int number, ref PfFlow flow)
    {
        if (flow.Pending == PfPending.None)
            return;
        QueueOf(flow.Pending).Remove(number);
        flow.Pending = PfPending.None;
    }

    /// <summary>Our better knowledge flows back, at most once a second for each flow: two that disagree must not talk for ever.</summary>
    private void Correct(int number, PfPending how)
    {
        ref var flow = ref _store[number];
        if (_now < flow.NextCorrection)
            return;
        flow.NextCorrection = _now + _correctionPause;
        Tell(number, how);
    }

    /// <summary>The flow is over, and peers are told, unless they never knew of it.</summary>
    private void End(int number)
    {
        ref var flow = ref _store[number];
        if (flow.Pending != PfPending.Insert && _deletes.Count < _options.MaxEntries)
        {
            TellEnd(flow.In);
            TellEnd(flow.Out);
        }
        Forget(number);
    }

    private void TellEnd(in PfHalf half)
    {
        if (half.IsKnown)
            _deletes.Enqueue(half.Reference);
    }

    /// <summary>A message named a state that is not known here: it is asked for, once a second at most.</summary>
    private void Request(PfReference reference)
    {
        if (_requests.Count >= MaxRequestsQueued || (_requested.TryGetValue(reference, out var until) && _now < until))
            return;
        if (_requested.Count >= MaxRequestsQueued)
            _requested.Clear();
        _requested[reference] = _now + _requestPause;
        _requests.Enqueue(reference);
    }

    private void Acknowledge(PfReference reference)
    {
        if (_acks.Count < MaxAcksQueued)
            _acks.Enqueue(reference);
    }

    /// <summary>Sends what waits, up to a turn's measure; true where nothing is left.</summary>
    private bool Flush()
    {
        var left = MessagesPerTick;
        Flush(_inserts, PfPending.Insert, ref left);
        Flush(_acks, static format => format.InsertAck, ref left);
        Flush(_updates, PfPending.Update, ref left);
        Flush(_compressed, PfPending.UpdateCompressed, ref left);
        while (left-- > 0 && _deletes.TryDequeue(out var reference))
        {
            Counters.DeletesSent++;
            foreach (var peer in _peers)
                reference.Write(Room(peer, peer.Format.DeleteCompressed));
        }
        Flush(_requests, static format => format.UpdateRequest, ref left);
        return _inserts.IsEmpty && _updates.IsEmpty && _compressed.IsEmpty && _deletes.Count == 0;
    }

    private void Flush(FlowQueue queue, PfPending how, ref int left)
    {
        for (; left > 0 && !queue.IsEmpty; left -= 2)
        {
            var number = queue.First;
            ref var flow = ref _store[number];
            queue.Remove(number);
            flow.Pending = PfPending.None;
            foreach (var peer in _peers)
            {
                Write(peer, ref flow, flow.In, isOut: false, how);
                Write(peer, ref flow, flow.Out, isOut: true, how);
            }
            flow.Refreshes = how == PfPending.UpdateCompressed ? (byte)(flow.Refreshes + 1) : (byte)0;
            Told(ref flow);
        }
    }

    private void Flush(Queue<PfReference> queue, Func<PfFormat, PfAction> action, ref int left)
    {
        for (; left > 0 && queue.TryDequeue(out var reference); left--)
        {
            if (ReferenceEquals(queue, _requests))
                Counters.AsksSent++;
            foreach (var peer in _peers)
                reference.Write(Room(peer, action(peer.Format)));
        }
    }

    private void Told(ref PfFlow flow)
    {
        ref var half = ref flow.In.IsKnown ? ref flow.In : ref flow.Out;
        flow.ToldUntil = _now + TimeSpan.FromSeconds(PfTimeout.Seconds(PfStateMap.Timeout(flow.Entry.Original.Protocol, half)));
    }

    private Span<byte> Room(PfPeerLink peer, PfAction action) => peer.Room(action, _sink, Counters);

    private void Write(PfPeerLink peer, ref PfFlow flow, in PfHalf half, bool isOut, PfPending how)
    {
        if (!half.IsKnown)
            return;
        Counters.StatesSent++;
        var timeout = PfStateMap.Timeout(flow.Entry.Original.Protocol, half);
        if (how == PfPending.UpdateCompressed)
        {
            new PfUpdate
            {
                Id = half.Reference.Id,
                Creator = half.Reference.Creator,
                Source = half.Source,
                Destination = half.Destination,
                Timeout = timeout,
            }.Write(Room(peer, peer.Format.UpdateCompressed), peer.Format.Flavour);
            return;
        }
        PfStateMap.Write(flow.Entry, half, isOut, peer.Format, out var state);
        state.Timeout = timeout;
        state.Creation = Seconds(_now - flow.Since);
        state.Expire = Math.Max(1, Seconds(flow.KernelUntil - _now));
        // Who knows no sequence numbers asks for no check of windows.
        if (flow.Entry.Original.Protocol == 6 && half.Source.SequenceLow == 0)
            state.Flags |= PfState.FlagSloppy;
        peer.Format.Layout.Write(Room(peer, how == PfPending.Insert ? peer.Format.Insert : peer.Format.Update), state);
    }

    private static uint Seconds(TimeSpan span) => (uint)Math.Clamp(span.TotalSeconds, 0, StateTimeouts.Longest);
}
