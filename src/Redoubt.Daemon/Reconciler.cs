using Redoubt.Core.Firewall;
using Redoubt.Daemon.Events;
using Redoubt.Linux;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon;

/// <summary>
/// A thread that keeps settings and firewall as they should be: every few seconds, and at once when somebody deletes our table.
/// Apart from the election thread, because it starts processes and reads many files.
/// </summary>
internal sealed class Reconciler : IDisposable
{
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(5);
    private readonly SysctlKeeper _sysctls;
    private readonly IReadOnlyList<string> _macvlans;
    private readonly EventLog _events;
    private readonly AlarmBoard _alarms;
    private readonly TableMonitor _tables = new();
    private readonly EventDescriptor _stop = new();
    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile string _ruleset;

    public Reconciler(SysctlKeeper sysctls, IReadOnlyList<string> macvlans, string ruleset, EventLog events, AlarmBoard alarms)
    {
        (_sysctls, _macvlans, _ruleset, _events, _alarms) = (sysctls, macvlans, ruleset, events, alarms);
        _thread = new Thread(Run) { Name = "reconciler" };
    }

    public void Start() => _thread.Start();

    /// <summary>Loads other rules in one transaction; the old ones stay where the kernel refuses.</summary>
    public NftResult Replace(string ruleset)
    {
        var result = NftCommand.Apply(ruleset);
        if (result.Succeeded)
            _ruleset = ruleset;
        return result;
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
        poller.Add(_tables.Handle);
        poller.Add(_stop.Handle);
        while (!_stopping)
        {
            poller.Wait(BootClock.Now + _period);
            if (_stopping)
                return;
            try
            {
                // Our own replacements delete the table too; looking whether it is there tells them apart.
                if (_tables.TookAway(RulesetCompiler.Table, ownPort: 0))
                    RestoreRules();
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
        var result = NftCommand.Apply(_ruleset);
        if (result.Succeeded)
            _events.Add(Redoubt.Control.EventKind.Config, "the firewall was deleted by somebody else and is loaded again");
        else
            _alarms.Raise("firewall", $"the firewall was deleted and cannot be loaded: {result.Error}", AlarmSeverity.Failed);
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
