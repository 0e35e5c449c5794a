using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// What becomes of peers' states in our kernel.
public sealed partial class PlainPfsyncEngine
{
    private readonly FlowQueue _waiting = new();

    private uint ScanSeconds => (uint)Math.Max(1, Math.Ceiling(_options.ScanPeriod.TotalSeconds));

    /// <summary>Puts the flow into the kernel or renews it there: its class's full time and a margin, so that it never ends here before it ends where it is forwarded.</summary>
    private void Install(int number)
    {
        ref var flow = ref _store[number];
        StopWaiting(number, ref flow);
        var full = StateTimeouts.ClassOf(flow.Entry);
        var seconds = Math.Min(full + StateTimeouts.Margin(full, ScanSeconds), StateTimeouts.Longest);
        // pf tells of every second in which packets passed; the kernel need not hear it each time.
        if (flow.InKernel && !flow.IsChanged && flow.KernelUntil - _now > TimeSpan.FromSeconds(seconds / 2))
            return;
        flow.KernelUntil = _now + TimeSpan.FromSeconds(seconds);
        if (IsPortable(flow))
            Put(ref flow, seconds);
        else
            NotPortable++;
    }

    private static bool IsPortable(in PfFlow flow) =>
        !(flow.In.IsModulated || flow.Out.IsModulated || flow.In.IsProxied || flow.Out.IsProxied);

    private void Put(ref PfFlow flow, uint seconds)
    {
        var entry = flow.Entry;
        entry.TimeoutSeconds = seconds;
        if (entry.HasTcp)
        {
            entry.TcpFlagsOriginal |= ConntrackEntry.TcpFlagBeLiberal;
            entry.TcpFlagsReply |= ConntrackEntry.TcpFlagBeLiberal;
        }
        var answer = flow.InKernel ? _table.Update(entry) : _table.Create(entry);
        if (answer == TableAnswer.Missing)
            answer = _table.Create(entry);
        if (answer == TableAnswer.Exists)
            answer = MakeRoom(entry);
        flow.InKernel = answer == TableAnswer.Done;
        flow.IsChanged = false;
        if (!flow.InKernel)
        {
            flow.Entry.KernelId = 0;
            Counters.InstallFailures++;
            return;
        }
        Counters.Installed++;
    }

    /// <summary>Another entry stands in the way. The same flow is updated, a copy gives way; what passes here does not.</summary>
    private TableAnswer MakeRoom(in ConntrackEntry entry)
    {
        if (_table.TryGet(entry.Original, isReply: false, out var found) && found.Original == entry.Original)
        {
            if (found.Reply == entry.Reply)
                return _table.Update(entry);
            if (!GivesWay(found))
                return TableAnswer.Exists;
        }
        if (_table.TryGet(entry.Reply, isReply: true, out found) && found.Original != entry.Original)
        {
            if (!GivesWay(found))
                return TableAnswer.Exists;
        }
        return _table.Create(entry);
    }

    private bool GivesWay(in ConntrackEntry found)
    {
        var number = _store.FindOriginal(found.Original);
        if (IsForwarding && (number < 0 || _store[number].IsOurs))
            return false;
        Counters.Evicted++;
        _table.Delete(found.Original, found.KernelId);
        if (number >= 0)
            _store[number].InKernel = false;
        return true;
    }

    private void Evict(ref PfFlow flow)
    {
        var original = flow.Entry.Original;
        if (_table.TryGet(original, isReply: false, out var found) && found.Original == original && found.Reply == flow.Entry.Reply)
            _table.Delete(original, found.KernelId);
        flow.InKernel = false;
    }

    private void StopWaiting(int number, ref PfFlow flow)
    {
        if (flow.WaitsUntil == default)
            return;
        flow.WaitsUntil = default;
        _waiting.Remove(number);
    }

    /// <summary>The other half did not come: a connection of the peer itself, a rule without state, or a lost packet.</summary>
    private void InstallWaiting()
    {
        while (!_waiting.IsEmpty && _now >= _store[_waiting.First].WaitsUntil)
            Install(_waiting.First);
    }

    private void InstallAllWaiting()
    {
        while (!_waiting.IsEmpty)
            Install(_waiting.First);
    }
}
