using Redoubt.Daemon.Events;

namespace Redoubt.Daemon.Systemd;

/// <summary>
/// Tells the service manager that this process is alive, twice in its interval, and only where election and state sync have really turned since the last time: a process whose
/// threads hang is to be started anew. Both are woken each time, so that one with nothing to do turns, too.
/// </summary>
/// <param name="interval">The service manager's.</param>
/// <param name="pulse">Reads the counters; may wait while a node is started anew, which then has as long as the interval is.</param>
/// <param name="wake">Lets both loops turn.</param>
/// <param name="tell">Sends a state.</param>
/// <param name="alarms">Told of what hangs.</param>
internal sealed class Watchdog(TimeSpan interval, Func<LoopPulse> pulse, Action wake, Action<string> tell, AlarmBoard alarms) : IDisposable
{
    private const string Alarm = "watchdog";
    private readonly ManualResetEventSlim _stop = new();
    private Thread? _thread;

    /// <summary>Begins.</summary>
    public void Start()
    {
        _thread = new Thread(Run) { Name = "watchdog", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends: whoever stops in order is waited for otherwise.</summary>
    public void Dispose()
    {
        if (_thread is null)
            return;
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
        _thread = null;
    }

    private void Run()
    {
        var before = pulse();
        wake();
        while (!_stop.Wait(interval / 2))
        {
            var now = pulse();
            if (now.StandsStill(before) is { } loop)
                alarms.Raise(Alarm, $"{loop} stands still: the service manager is not told that all is well", AlarmSeverity.Failed);
            else
            {
                alarms.Clear(Alarm);
                tell("WATCHDOG=1");
            }
            before = now;
            wake();
        }
    }
}
