namespace Redoubt.Core.StateSync;

/// <summary>What this node's kernel tells, and the walk over its table.</summary>
public sealed partial class StateSyncEngine
{
    private static readonly TimeSpan _scanSlice = TimeSpan.FromMilliseconds(20);
    private const int SliceEntries = 256;
    private const uint TrafficSlack = 3; // seconds: clocks of the kernel and ours round differently
    private readonly ConntrackEntry[] _slice = new ConntrackEntry[SliceEntries];
    private Instant _scanStart;
    private Instant _scanNext = Instant.Zero;
    private uint _scan = 1;
    private int _sweep = -1;
    private bool _scanRuns;
    private bool _scanIsFast;
    private bool _scanAgain;
    private long _scanSeen;
    private long _lastScanSize;

    /// <summary>An entry of this kernel is new, changed or gone, and it was not this engine that did it.</summary>
    public void OnNews(TableNews kind, in ConntrackEntry entry, Instant now)
    {
        var index = _store.Find(entry.Original);
        if (kind == TableNews.Destroy)
        {
            if (index >= 0 && _store[index].Use == SlotUse.Live)
                Destroyed(index, entry.KernelId, now);
            return;
        }
        if (!_settings.Scope.Includes(entry))
            return;
        if (index < 0 || _store[index].Use == SlotUse.Ended)
        {
            // A node that does not forward has no flows of its own; what it sees will come from the peer that does.
            if (IsForwarding)
                BeginLife(index, entry, now);
            return;
        }
        ref var slot = ref _store[index];
        var known = slot.State.Entry.KernelId;
        if (kind == TableNews.New && known != 0 && known != entry.KernelId && IsForwarding)
        {
            BeginLife(index, entry, now);
            return;
        }
        if (IsForwarding)
            Own(index, entry, now);
        else
            KeepKernelId(ref slot, entry.KernelId);
    }

    /// <summary>News was lost: the table is walked at once and compared.</summary>
    public void OnOverrun(Instant now)
    {
        Counters.Overruns++;
        Tell("overrun", "the kernel dropped connection events; the whole table is compared");
        if (_scanRuns)
            _scanAgain = true;
        else
            BeginScan(now, fast: true);
    }

    private void BeginLife(int index, in ConntrackEntry entry, Instant now)
    {
        if (index < 0)
        {
            index = _store.Add(entry.Original);
            if (index < 0)
            {
                Counters.StoreFull++;
                return;
            }
        }
        else
        {
            _store.Revive(index);
        }
        ref var slot = ref _store[index];
        slot.State = new ReplicatedState
        {
            Identity = new StateIdentity(++_clock, _creator),
            Term = 1,
            Owner = _settings.NodeId,
            Revision = 0,
            Entry = entry,
        };
        Told(ref slot, now);
        Queue(index);
    }

    // The forwarding node's kernel is right about its flows.
    private void Own(int index, in ConntrackEntry entry, Instant now)
    {
        ref var slot = ref _store[index];
        if (slot.State.Owner != _settings.NodeId)
        {
            slot.State.Owner = _settings.NodeId;
            slot.State.Term++;
            slot.State.Revision = 0;
            Counters.Adopted++;
        }
        else
        {
            slot.State.Revision++;
        }
        slot.State.Entry = entry;
        slot.AskedFrom = 0;
        Told(ref slot, now);
        Queue(index);
    }

    // It is gone and will not answer: what it was asked about is not in this kernel any more.
    private void ForgetQuestions(StateSyncPeer peer, Instant now)
    {
        for (var i = 0; i < _store.Length; i++)
        {
            ref var slot = ref _store[i];
            if ((slot.AskedFrom & peer.Bit) == 0)
                continue;
            slot.AskedFrom &= (byte)~peer.Bit;
            if (slot is { AskedFrom: 0, Use: SlotUse.Live, IsInKernel: false })
                _store.End(i, now + _endedTime, silent: true);
        }
    }

    private void Destroyed(int index, uint kernelId, Instant now)
    {
        ref var slot = ref _store[index];
        var known = slot.State.Entry.KernelId;
        if (kernelId != 0 && known != 0 && kernelId != known)
            return; // an earlier life of the tuple
        slot.IsInKernel = false;
        var mine = slot.State.Owner == _settings.NodeId;
        if (IsForwarding && (mine || !OwnerForwards(slot.State.Owner)))
        {
            if (!mine)
            {
                slot.State.Owner = _settings.NodeId;
                slot.State.Term++;
            }
            _store.End(index, now + _endedTime, silent: false);
            Queue(index);
            return;
        }
        // Our copy expired, or somebody deleted it here: who forwards the flow knows whether it lives.
        var asked = false;
        foreach (var peer in _peers)
        {
            if (!peer.IsAlive || (!peer.IsForwarding && peer.Node != slot.State.Owner))
                continue;
            _store[index].AskedFrom |= peer.Bit;
            Queue(index, peer);
            asked = true;
        }
        if (!asked)
            _store.End(index, now + _endedTime, silent: true);
    }

    private bool OwnerForwards(byte owner)
    {
        foreach (var peer in _peers)
        {
            if (peer.Node == owner)
                return peer is { IsAlive: true, IsForwarding: true };
        }
        return false;
    }

    private void Told(ref StateSlot slot, Instant now)
    {
        slot.IsInKernel = true;
        slot.SeenInScan = _scan;
        slot.SetAt = now;
        slot.SetSeconds = Generous(slot.State.Entry);
    }

    // What a node that does not own a state sets: never less than its owner's kernel gives it.
    private uint Generous(in ConntrackEntry entry)
    {
        var full = StateTimeouts.ClassOf(entry);
        return Math.Min(full + StateTimeouts.Margin(full, (uint)Math.Ceiling(_settings.ScanPeriod.TotalSeconds)), StateTimeouts.Longest);
    }

    private static void KeepKernelId(ref StateSlot slot, uint kernelId)
    {
        var entry = slot.State.Entry;
        entry.KernelId = kernelId;
        slot.State.Entry = entry;
        slot.IsInKernel = true;
    }

    private void MakeOwnLiberal()
    {
        for (var i = 0; i < _store.Length; i++)
        {
            ref var slot = ref _store[i];
            if (slot is { Use: SlotUse.Live, IsInKernel: true } && slot.State.Entry.HasTcp)
                _table.MakeLiberal(slot.State.Entry.Original);
        }
    }

    private void BeginScan(Instant now, bool fast)
    {
        _scan++;
        _scanStart = now;
        _scanRuns = true;
        _scanIsFast = fast;
        _scanAgain = false;
        _scanSeen = 0;
        _scanNext = now;
        _sweep = -1;
        _table.BeginScan();
    }

    // In slices: the walk takes the scan period, or as long as it takes when it is fast; then what was not seen is looked for one by one.
    private void Scan(Instant now)
    {
        if (now < _scanNext)
            return;
        if (!_scanRuns)
            BeginScan(now, fast: _scan == 1);
        var slices = _settings.ScanPeriod / _scanSlice / 2;
        var budget = _scanIsFast ? 16 * SliceEntries : Math.Max(SliceEntries, (int)(_lastScanSize / slices));
        while (budget > 0 && _sweep < 0)
        {
            var count = _table.Scan(_slice);
            if (count == 0)
            {
                _lastScanSize = _scanSeen;
                _sweep = 0;
                break;
            }
            for (var i = 0; i < count; i++)
                Seen(_slice[i], now);
            _scanSeen += count;
            budget -= count;
        }
        while (budget > 0 && _sweep >= 0 && _sweep < _store.Length)
        {
            budget -= Sweep(_sweep++, now) ? 8 : 1;
        }
        if (_sweep < _store.Length || _sweep < 0)
        {
            _scanNext = _scanIsFast ? now + TimeSpan.FromMilliseconds(1) : now + _scanSlice;
            return;
        }
        _scanRuns = false;
        _scanNext = _scanAgain ? now : _scanStart + _settings.ScanPeriod;
        if (_scanAgain)
            BeginScan(now, fast: true);
    }

    private void Seen(in ConntrackEntry entry, Instant now)
    {
        if (!_settings.Scope.Includes(entry))
            return;
        var index = _store.Find(entry.Original);
        if (index < 0 || _store[index].Use == SlotUse.Ended)
        {
            if (IsForwarding)
                BeginLife(index, entry, now);
            return;
        }
        ref var slot = ref _store[index];
        slot.SeenInScan = _scan;
        KeepKernelId(ref slot, entry.KernelId);
        if (!IsForwarding)
            return;
        if (slot.State.Owner == _settings.NodeId)
        {
            // The peers' copies run down from what they were told; a flow with traffic does not.
            if (entry.TimeoutSeconds > Left(slot, now) || Differs(entry, slot.State.Entry))
                Own(index, entry, now);
            return;
        }
        // The first packet replaces the generous timeout by the kernel's own: any difference is traffic.
        var left = Left(slot, now);
        if (Math.Abs((long)entry.TimeoutSeconds - left) > TrafficSlack || Differs(entry, slot.State.Entry))
            Own(index, entry, now);
    }

    private static uint Left(in StateSlot slot, Instant now)
    {
        var passed = (long)(now - slot.SetAt).TotalSeconds;
        return (uint)Math.Max(0, slot.SetSeconds - passed);
    }

    private static bool Differs(in ConntrackEntry a, in ConntrackEntry b) =>
        a.TcpState != b.TcpState
        || a.Mark != b.Mark
        || ((a.Status ^ b.Status) & (ConntrackEntry.StatusAssured | ConntrackEntry.StatusSeenReply)) != 0;

    // Not seen in a walk is no proof: entries move while the kernel lists them. True where the kernel was asked.
    private bool Sweep(int index, Instant now)
    {
        ref var slot = ref _store[index];
        if (slot.Use != SlotUse.Live || slot.SeenInScan == _scan || slot.AskedFrom != 0)
            return false;
        if (_table.TryGet(slot.State.Entry.Original, false, out var entry) && entry.Reply == slot.State.Entry.Reply)
        {
            Seen(entry, now);
            return true;
        }
        if (slot.IsInKernel)
        {
            Destroyed(index, 0, now);
            return true;
        }
        // It never got in, or was refused: try again while its owner may still want it.
        if (Left(slot, now) > 0 && slot.State.Owner != _settings.NodeId)
            Install(index, now);
        else
            _store.End(index, now + _endedTime, silent: true);
        return true;
    }
}
