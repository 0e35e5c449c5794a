using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Processes;
using Redoubt.Linux;

namespace Redoubt.Daemon.Roles;

/// <summary>The hooks: one at a time, in the order in which roles changed.</summary>
internal sealed partial class RoleWorker
{
    private RunningHook? _running;
    private bool _isDirty; // what was told is not on the disk yet
    private long _completed;
    private long _failed;
    private long _timedOut;
    private long _refused;

    /// <summary>What became of hooks.</summary>
    public HookStatus Hooks
    {
        get
        {
            long superseded;
            lock (_gate)
                superseded = _queue.Superseded;
            return new HookStatus(
                Interlocked.Read(ref _completed),
                Interlocked.Read(ref _failed),
                Interlocked.Read(ref _timedOut),
                Interlocked.Read(ref _refused),
                superseded
            );
        }
    }

    private void TurnHooks(Instant now)
    {
        if (_running is { } running)
        {
            if (running.Child.HasEnded)
                EndHook(running);
            else if (now >= running.Deadline && !running.IsLate)
            {
                running.IsLate = true;
                running.Child.Kill();
            }
        }
        while (_running is null && Next() is { } change)
            Begin(change);
        if (_running is null)
            Save();
    }

    private RoleChange? Next()
    {
        lock (_gate)
            return _queue.Take();
    }

    private void Begin(RoleChange change)
    {
        var names = HookRun.Names(change);
        foreach (var name in names)
        {
            var path = Path.Combine(_settings!.HookDirectory, name);
            switch (ProgramTrust.Look(path, out var why))
            {
                case ProgramTrust.Verdict.Missing:
                    _alarms.Clear(RefusalAlarm(name));
                    continue;
                case ProgramTrust.Verdict.Refused:
                    Interlocked.Increment(ref _refused);
                    _alarms.Raise(RefusalAlarm(name), $"hook {why}");
                    Tell(change, $"hook {name} for {change.Subject} was refused: {why}");
                    Mark(change, succeeded: false);
                    return;
                default:
                    _alarms.Clear(RefusalAlarm(name));
                    BeginTrusted(change, name, path, isFallback: name != names[0]);
                    return;
            }
        }
        Mark(change, succeeded: false); // there is nobody to tell: a hook that comes later is told after a restart
    }

    // A hook that speaks for another role says what it always says: so that is what was told, and once is enough.
    private void BeginTrusted(RoleChange change, string name, string path, bool isFallback)
    {
        if (isFallback)
        {
            CarpState told;
            lock (_gate)
                told = _queue.Told.GetValueOrDefault(change.Subject);
            if (told == CarpState.Backup)
                return;
        }
        Start(change, name, path, isFallback);
    }

    private void Start(RoleChange change, string name, string path, bool isFallback)
    {
        var environment = HookRun.Environment(change, _settings!.Node);
        var child = ChildProcess.Start([path, .. change.Arguments], environment, bound: true, keepsEnd: false, Wake, out var error);
        if (child is not null)
        {
            _running = new RunningHook(change, name, child, BootClock.Now + _settings.HookTimeout) { IsFallback = isFallback };
            return;
        }
        Interlocked.Increment(ref _failed);
        Fail(change, $"hook {name} for {change.Subject}: {error}");
    }

    private void EndHook(RunningHook running)
    {
        var (change, child) = (running.Change, running.Child);
        child.Drain();
        var said = child.Output is { Length: > 0 } output ? $"; it said: {output}" : "";
        var what = $"hook {running.Name} for {change.Subject}";
        _running = null;
        if (running.IsLate)
        {
            Interlocked.Increment(ref _timedOut);
            Fail(
                change,
                FormattableString.Invariant($"{what} took longer than {_settings!.HookTimeout.TotalSeconds} s and was killed{said}")
            );
        }
        else if (child.ExitCode != 0)
        {
            Interlocked.Increment(ref _failed);
            Fail(change, FormattableString.Invariant($"{what} ended with code {child.ExitCode}{said}"));
        }
        else
        {
            Interlocked.Increment(ref _completed);
            _alarms.Clear(FailureAlarm(change));
            Tell(change, $"{what} has run: {change.StateText}{said}");
            Mark(running.IsFallback ? change with { State = CarpState.Backup } : change, succeeded: true);
        }
        child.Dispose();
        Save();
    }

    // At the end of the daemon there is no more time: it counts as not told, and the next start runs it again.
    private void EndRunningHook()
    {
        if (_running is { } running)
        {
            running.Child.Kill();
            Interlocked.Increment(ref _timedOut);
            Tell(running.Change, $"hook {running.Name} for {running.Change.Subject} was killed: the daemon stops");
            Mark(running.Change, succeeded: false);
            running.Child.Dispose();
            _running = null;
        }
        Save();
    }

    private void Fail(RoleChange change, string text)
    {
        _alarms.Raise(FailureAlarm(change), text);
        Tell(change, text);
        Mark(change, succeeded: false);
    }

    private void Mark(RoleChange change, bool succeeded)
    {
        lock (_gate)
            _isDirty |= _queue.End(change, succeeded);
    }

    private void Save()
    {
        IReadOnlyDictionary<string, CarpState> told;
        lock (_gate)
        {
            if (!_isDirty)
                return;
            _isDirty = false;
            told = new Dictionary<string, CarpState>(_queue.Told);
        }
        if (_memory.Write(told) is { } error)
            _alarms.Raise("hooks memory", $"what hooks were told cannot be kept over a restart: {error}");
        else
            _alarms.Clear("hooks memory");
    }

    private void Tell(RoleChange change, string text) =>
        _events.Add(
            EventKind.Hook,
            text,
            change.IsGroup ? null : change.Arguments[0],
            change.Vhid,
            to: change.StateText,
            reason: change.Reason,
            epoch: change.Epoch
        );

    private void Wake()
    {
        try
        {
            _wake.Set();
        }
        catch (ObjectDisposedException)
        {
            // A process ended after the worker.
        }
    }

    private static string RefusalAlarm(string name) => $"hook {name}";

    private static string FailureAlarm(RoleChange change) => $"hook-failed {change.Subject}";
}
