using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// What peers say. As in pf, of each side of a connection the farther state stands, and who was behind is told. Unlike pf, a node that forwards lets nobody
// take a flow from it that its own kernel holds: a peer's copy that ran out is no reason to cut a connection.
public sealed partial class PlainPfsyncEngine
{
    // Each is a walk over all flows.
    private const int ClearsPerTick = 4;
    private int _clearsLeft = ClearsPerTick;

    /// <inheritdoc />
    public void Receive(Instant now, int peer, int link, int ttl, ReadOnlySpan<byte> datagram)
    {
        _now = now;
        Counters.DatagramsReceived++;
        if ((uint)peer >= (uint)_peers.Length)
        {
            _rejections[(int)PfRejection.BadSource]++;
            return;
        }
        var from = _peers[peer];
        var reader = new PfPacketReader(datagram, from.Format.Flavour, ttl);
        if (reader.Rejection == PfRejection.None)
        {
            Counters.DatagramsAccepted++;
            Hear(from);
        }
        while (reader.MoveSection())
        {
            while (reader.MoveMessage())
            {
                if (reader.MessageRejection == PfRejection.None)
                    Take(from, reader.Action, reader.Message);
            }
        }
        _rejections[(int)reader.Rejection]++;
    }

    private void Take(PfPeerLink peer, PfAction action, ReadOnlySpan<byte> message)
    {
        switch (action.Kind)
        {
            case PfKind.Insert or PfKind.Update:
                Counters.StatesReceived++;
                action.Layout!.Read(message, out var state);
                TakeState(PfFormat.Of(action.Layout), state);
                if (action.Kind == PfKind.Insert && (state.Flags & PfState.FlagAck) != 0)
                    Acknowledge(new PfReference(state.Id, state.Creator));
                break;
            case PfKind.UpdateCompressed:
                Counters.StatesReceived++;
                TakeUpdate(PfUpdate.Read(message, peer.Format.Flavour));
                break;
            case PfKind.UpdateRequest:
                TakeRequest(peer, PfReference.Read(message));
                break;
            case PfKind.Delete:
                action.Layout!.Read(message, out var ended);
                TakeEnd(new PfReference(ended.Id, ended.Creator));
                break;
            case PfKind.DeleteCompressed:
                TakeEnd(PfReference.Read(message));
                break;
            case PfKind.Clear:
                TakeClear(PfClear.Read(message));
                break;
            case PfKind.Bulk:
                TakeBulk(peer, PfBulk.Read(message));
                break;
        }
    }

    private void TakeState(PfFormat format, in PfState state)
    {
        var reference = new PfReference(state.Id, state.Creator);
        var number = _store.Find(reference, out var isOut);
        if (number >= 0)
        {
            Merge(number, isOut, state.Source, state.Destination, state.Expire);
            return;
        }
        if (!PfStateMap.TryRead(state, format, out isOut, out var inner, out var outer))
        {
            Unmappable++;
            return;
        }
        number = _store.FindInner(inner);
        if (number >= 0 && _store[number] is { IsOurs: true, InKernel: true } && IsForwarding)
        {
            // Both saw it begin. Ours stays; the peer's copy runs out, or its forwarder says more.
            Counters.StatesStale++;
            return;
        }
        var entry = Joined(number, isOut, inner, outer);
        if (!_options.Scope.Includes(entry))
        {
            Counters.OutOfScope++;
            return;
        }
        if (number < 0)
            number = _store.Add(inner, _now - TimeSpan.FromSeconds(Math.Min(state.Creation, StateTimeouts.Longest)));
        if (number < 0)
        {
            Counters.StoreFull++;
            return;
        }
        Join(number, isOut, state, entry);
    }

    // The first packet's tuple is known from the half that was made on input, the answers' from the other; without it nothing was translated there.
    private ConntrackEntry Joined(int number, bool isOut, in ConntrackTuple inner, in ConntrackTuple outer)
    {
        if (number < 0)
            return isOut
                ? new ConntrackEntry { Original = inner, Reply = outer }
                : new ConntrackEntry { Original = outer, Reply = PfStateMap.Mirror(inner) };
        var entry = _store[number].Entry;
        if (isOut)
            entry.Reply = outer;
        else
            entry.Original = outer;
        return entry;
    }

    private void Join(int number, bool isOut, in PfState state, ConntrackEntry entry)
    {
        ref var flow = ref _store[number];
        // Put in with one half alone, and now it turns out to be translated: the kernel cannot change that.
        if (flow.InKernel && (flow.Entry.Original != entry.Original || flow.Entry.Reply != entry.Reply))
        {
            Evict(ref flow);
            entry.KernelId = 0;
        }
        var place = _store.FindOriginal(entry.Original);
        if (place >= 0 && place != number)
        {
            // A new life of the same tuple.
            if (IsForwarding && _store[place] is { InKernel: true, IsOurs: true })
            {
                Counters.StatesStale++;
                if (!flow.In.IsKnown && !flow.Out.IsKnown)
                    Forget(number);
                return;
            }
            if (_store[place].InKernel)
                Evict(ref _store[place]);
            Forget(place);
        }
        _store.SetReference(number, isOut, new PfReference(state.Id, state.Creator));
        _store.SetEntry(number, entry);
        ref var half = ref isOut ? ref flow.Out : ref flow.In;
        half.Source = state.Source;
        half.Destination = state.Destination;
        half.Interface = state.Interface;
        half.Flags = (ushort)(state.Flags & ~PfState.FlagAck);
        Apply(ref flow, state.Expire);
        // ICMP has no states at pf; that it was answered its counters say.
        if (state.PacketsBack > 0)
            flow.Entry.Status |= ConntrackEntry.StatusSeenReply;
        if ((flow.In.IsKnown && flow.Out.IsKnown) || IsForwarding)
            Install(number);
        else if (flow.WaitsUntil == default)
        {
            flow.WaitsUntil = _now + _options.HalfWait;
            _waiting.Append(number);
        }
    }

    private void TakeUpdate(in PfUpdate update)
    {
        var reference = new PfReference(update.Id, update.Creator);
        var number = _store.Find(reference, out var isOut);
        if (number >= 0)
            Merge(number, isOut, update.Source, update.Destination, expire: 0);
        else if (reference != default)
            Request(reference);
    }

    private void Merge(int number, bool isOut, in PfPeer source, in PfPeer destination, uint expire)
    {
        ref var flow = ref _store[number];
        ref var half = ref isOut ? ref flow.Out : ref flow.In;
        var isTcp = flow.Entry.Original.Protocol == 6;
        var stale = 0;
        if (IsStale(half.Source, source, isTcp))
            stale++;
        else
            half.Source = source;
        if (IsStale(half.Destination, destination, isTcp))
            stale++;
        else
            half.Destination = destination;
        if (stale > 0)
        {
            Counters.StatesStale++;
            Correct(number, PfPending.UpdateCompressed);
        }
        if (stale == 2 || (IsForwarding && flow.IsOurs && flow.InKernel))
            return;
        Apply(ref flow, expire);
        if (flow.WaitsUntil == default)
            Install(number);
    }

    // A peer keeps it as long as its class says, or as it says itself.
    private static void Apply(ref PfFlow flow, uint expire)
    {
        var (state, status) = (flow.Entry.TcpState, flow.Entry.Status);
        PfStateMap.Apply(flow.In, flow.Out, ref flow.Entry);
        flow.Entry.TimeoutSeconds = Math.Min(expire, StateTimeouts.Longest);
        flow.IsChanged |= state != flow.Entry.TcpState || status != flow.Entry.Status;
    }

    // pfsync_upd_tcp: the farther state stands; of equal ones that whose sequence number is later, where both are known.
    private static bool IsStale(in PfPeer known, in PfPeer told, bool isTcp)
    {
        if (known.State != told.State)
            return known.State > told.State && (!isTcp || known.State < 11 || told.State >= 11);
        return isTcp && known.SequenceLow != 0 && (told.SequenceLow == 0 || (int)(known.SequenceLow - told.SequenceLow) > 0);
    }

    private void TakeRequest(PfPeerLink peer, PfReference reference)
    {
        Counters.AsksReceived++;
        if (reference == default)
        {
            StartBulk(peer);
            return;
        }
        var number = _store.Find(reference, out _);
        if (number >= 0)
            Tell(number, PfPending.Update);
    }

    private void TakeEnd(PfReference reference)
    {
        Counters.DeletesReceived++;
        var number = _store.Find(reference, out var isOut);
        if (number < 0)
            Counters.DeletesStale++;
        else
            Remove(number, isOut);
    }

    /// <summary>One state of a flow is gone at a peer; with the last one the flow is.</summary>
    private void Remove(int number, bool isOut)
    {
        ref var flow = ref _store[number];
        if (IsForwarding && flow.InKernel)
        {
            Counters.DeletesStale++;
            if (flow.IsOurs)
                Correct(number, PfPending.Update);
            else
                // Its copy there ran out, or it ended there. Here its own timeout decides, and packets that come make it ours under a new name.
                _store.SetReference(number, isOut, default);
            return;
        }
        if ((isOut ? flow.In : flow.Out).IsKnown)
        {
            _store.SetReference(number, isOut, default);
            return;
        }
        if (flow.InKernel)
            Evict(ref flow);
        Forget(number);
    }

    private void TakeClear(in PfClear clear)
    {
        if (_clearsLeft-- <= 0)
        {
            ClearsRefused++;
            return;
        }
        ReadOnlySpan<byte> name = clear.Interface;
        for (var number = 0; number < _store.High; number++)
        {
            ref var flow = ref _store[number];
            if (!flow.IsLive)
                continue;
            var isIn = IsCleared(flow.In, clear, name);
            if (IsCleared(flow.Out, clear, name))
                Remove(number, isOut: true);
            if (isIn && flow.IsLive)
                Remove(number, isOut: false);
        }
    }

    private static bool IsCleared(in PfHalf half, in PfClear clear, ReadOnlySpan<byte> name)
    {
        if (!half.IsKnown || half.Reference.Creator != clear.Creator)
            return false;
        ReadOnlySpan<byte> own = half.Interface;
        return name[0] == 0 || own[..own.IndexOf((byte)0)].SequenceEqual(name[..name.IndexOf((byte)0)]);
    }
}
