using Redoubt.Core.Firewall;
using Redoubt.Daemon.Events;
using Redoubt.Daemon.Firewall;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon;

/// <summary>
/// A thread that keeps settings and firewall as they should be: every few seconds, and at once when somebody deletes our table. It also marks jumps of the wall clock.
/// Apart from the election thread, because it starts processes and reads many files.
/// </summary>
internal sealed class Reconciler : IDisposable
{
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _clockPeriod = TimeSpan.FromSeconds(1);
    private readonly SysctlKeeper _sysctls;
    private readonly IReadOnlyList<string> _macvlans;
    private readonly EventLog _events;
    private readonly AlarmBoard _alarms;
    private readonly ClockWatch _clock;
    private readonly TableMonitor _tables = new();
    private readonly EventDescriptor _stop = new();
    private readonly Thread _thread;
    private volatile bool _stopping;
    private readonly FirewallSource _firewall;
    private readonly Lock _loading = new();
    private volatile Ruleset _ruleset;

    public Reconciler(
        SysctlKeeper sysctls,
        IReadOnlyList<string> macvlans,
        FirewallSource firewall,
        Ruleset ruleset,
        EventLog events,
        AlarmBoard alarms
    )
    {
        (_sysctls, _macvlans, _firewall, _ruleset, _events, _alarms) = (sysctls, macvlans, firewall, ruleset, events, alarms);
        _clock = new ClockWatch(events);
        _thread = new Thread(Run) { Name = "reconciler" };
    }

    public void Start()
    {
        RepairRoutes();
        _thread.Start();
    }

    /// <summary>What is loaded.</summary>
    public Ruleset Ruleset => _ruleset;

    /// <summary>
    /// Loads other rules in one transaction that touches only what differs; the old ones stay where the kernel refuses. Established connections go
    /// on, and rules that stay keep their counters.
    /// </summary>
    public NftResult Replace(Ruleset ruleset)
    {
        lock (_loading)
        {
            var difference = RulesetDelta.Between(_ruleset, ruleset);
            var result = difference switch
            {
                "" => new NftResult(true, 0, "", ""),
                null => NftCommand.Apply(ruleset.ToString()),
                _ => NftCommand.Apply(difference),
            };
            // The table is not what we left, then: all of it anew.
            if (!result.Succeeded && difference is not null)
                result = NftCommand.Apply(ruleset.ToString());
            if (!result.Succeeded)
                return result;
            _ruleset = ruleset;
            RepairRoutes();
            return result;
        }
    }

    public void Stop()
    {
        _stopping = true;
        _stop.Signal();
        if (_thread.IsAlive)
            _thread.Join();
    }

    public void Dispose()
    {
        Stop();
        _tables.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        using var poller = new Poller();
        var tables = poller.Add(_tables.Handle);
        poller.Add(_stop.Handle);
        var next = BootClock.Now + _period;
        while (!_stopping)
        {
            poller.Wait(Core.Instant.Earlier(next, BootClock.Now + _clockPeriod));
            if (_stopping)
                return;
            var now = BootClock.Now;
            _clock.Look(now);
            if (now < next && !poller.IsReadable(tables))
                continue;
            next = now + _period;
            try
            {
                // Our own replacements delete the table too; looking whether it is there tells them apart.
                if (_tables.TookAway(RulesetCompiler.Table, ownPort: 0))
                    RestoreRules();
                FollowChanges();
                RepairRoutes();
                RepairSettings();
            }
#pragma warning disable CA1031 // a repair that fails is tried again in the next round
            catch (Exception e)
#pragma warning restore CA1031
            {
                _alarms.Raise("reconciler", $"repairing failed: {e.Message}");
            }
        }
    }

    private void RestoreRules()
    {
        if (NftCommand.ListCounter(RulesetCompiler.InvalidCounter) is not null)
            return;
        NftResult result;
        lock (_loading)
            result = NftCommand.Apply(_ruleset.ToString());
        if (result.Succeeded)
            _events.Add(Redoubt.Control.EventKind.Config, "the firewall was deleted by somebody else and is loaded again");
        else
            _alarms.Raise("firewall", $"the firewall was deleted and cannot be loaded: {result.Error}", AlarmSeverity.Failed);
    }

    private void FollowChanges()
    {
        if (_firewall.CompileIfDue() is not { } ruleset)
            return;
        var result = Replace(ruleset);
        if (result.Succeeded)
            _alarms.Clear("firewall change");
        else
            _alarms.Raise("firewall change", $"the firewall could not follow a schedule or an alias: {result.Error}");
    }

    private void RepairRoutes()
    {
        IReadOnlyList<string> failures;
        try
        {
            failures = PolicyRouting.Apply(_ruleset.Routes);
        }
        catch (KernelException e)
        {
            failures = [e.Message];
        }
        if (failures.Count == 0)
            _alarms.Clear("policy routes");
        else
            _alarms.Raise("policy routes", $"rules with a gateway follow the routing table: {string.Join("; ", failures)}");
    }

    private void RepairSettings()
    {
        foreach (var device in _macvlans)
            VirtualMacDevice.Configure(device);
        var repaired = _sysctls.Repair();
        if (repaired.Count > 0)
            _events.Add(Redoubt.Control.EventKind.Config, $"set again after somebody else changed them: {string.Join(", ", repaired)}");
    }
}
