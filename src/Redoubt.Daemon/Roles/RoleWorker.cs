using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Events;
using Redoubt.Linux;

namespace Redoubt.Daemon.Roles;

/// <summary>
/// The thread that carries this node's roles to programs: hooks, one at a time, and services that run on the master only. It never waits for a program, so a hook that hangs delays
/// other hooks and nothing else. All processes are this thread's children, and the kernel kills them with it.
/// </summary>
internal sealed partial class RoleWorker : IDisposable
{
    private const int SubjectLimit = 4096; // two for each vhid that a file may have, and the groups
    private static readonly TimeSpan _killed = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private readonly string _stateDirectory;
    private readonly HookMemory _memory;
    private readonly EventLog _events;
    private readonly AlarmBoard _alarms;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private readonly HookQueue _queue = new(SubjectLimit); // under the gate
    private readonly Dictionary<string, RoleChange> _roles = []; // under the gate: the newest of each subject
    private RoleSettings? _wanted; // under the gate: settings that are not in force yet
    private RoleSettings? _settings; // the thread's own
    private volatile bool _stopping;
    private Instant _stopAt = Instant.Never;

    /// <summary>A worker that remembers in a state directory; it begins with <see cref="Apply"/>.</summary>
    public RoleWorker(string stateDirectory, EventLog events, AlarmBoard alarms, HookMemory? memory = null)
    {
        (_stateDirectory, _events, _alarms) = (stateDirectory, events, alarms);
        _memory = memory ?? new HookMemory(stateDirectory);
        _queue.Restore(_memory.Read());
        _thread = new Thread(Run) { Name = "roles", IsBackground = true };
    }

    /// <summary>A role as it is now. Does not wait; safe from every thread.</summary>
    public void Post(RoleChange change)
    {
        lock (_gate)
        {
            _queue.Post(change);
            _roles[change.Subject] = change;
        }
        _wake.Set();
    }

    /// <summary>Puts settings in force; the first ones begin it all.</summary>
    public void Apply(RoleSettings settings)
    {
        lock (_gate)
        {
            _wanted = settings;
            _queue.Retain(s => settings.Subjects.Contains(Name(s)));
            foreach (var subject in _roles.Values.Where(r => !settings.Subjects.Contains(r.Name)).Select(r => r.Subject).ToList())
                _roles.Remove(subject);
        }
        if (!_thread.IsAlive && !_stopping)
            _thread.Start();
        _wake.Set();
    }

    /// <summary>Runs the hooks that wait and ends the services, for as long as the limit; what is left then is killed.</summary>
    public void Stop(TimeSpan limit)
    {
        if (_stopping)
            return;
        lock (_gate)
            _stopAt = BootClock.Now + limit;
        _stopping = true;
        _wake.Set();
        if (_thread.IsAlive)
            _thread.Join(limit + _killed + _killed);
    }

    public void Dispose()
    {
        Stop(TimeSpan.Zero);
        _wake.Dispose();
        _finished.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            var now = BootClock.Now;
            var isOver = _stopping && now >= StopAt;
            try
            {
                TakeSettings();
                TurnServices(now);
                TurnHooks(now);
                if (_stopping && IsIdle)
                    isOver = true;
            }
#pragma warning disable CA1031 // one broken turn must not end all hooks and services
            catch (Exception e)
#pragma warning restore CA1031
            {
                _alarms.Raise("roles", $"hooks and services: a turn failed: {e.Message}");
                _wake.WaitOne(_killed);
            }
            if (isOver)
            {
                EndAll();
                return;
            }
            var until = Deadline();
            if (_stopping)
                until = Instant.Earlier(until, StopAt);
            var left = until - BootClock.Now;
            if (left > TimeSpan.Zero)
                _wake.WaitOne(left >= TimeSpan.FromHours(1) ? Timeout.InfiniteTimeSpan : left + TimeSpan.FromMilliseconds(1));
        }
    }

    private Instant StopAt
    {
        get
        {
            lock (_gate)
                return _stopAt;
        }
    }

    private bool IsIdle
    {
        get
        {
            lock (_gate)
                return _running is null && _queue.Count == 0 && _leaving.Count == 0 && _services.TrueForAll(s => s.IsSettled);
        }
    }

    private void TakeSettings()
    {
        RoleSettings? wanted;
        lock (_gate)
            (wanted, _wanted) = (_wanted, null);
        if (wanted is null)
            return;
        if (_settings is null || !SameServices(_settings, wanted))
            ReplaceServices(_settings, wanted);
        _settings = wanted;
    }

    private Instant Deadline()
    {
        var deadline = _running is { IsLate: false } running ? running.Deadline : Instant.Never;
        foreach (var service in _services)
            deadline = Instant.Earlier(deadline, service.Deadline);
        foreach (var service in _leaving)
            deadline = Instant.Earlier(deadline, service.Deadline);
        return deadline;
    }

    private void EndAll()
    {
        EndRunningHook();
        foreach (var service in _services.Concat(_leaving))
            service.Abandon();
        _finished.Set();
        Publish();
    }

    // "lan@1 ipv6", "group main": the name as the configuration has it.
    private static string Name(string subject) =>
        subject.StartsWith(GroupPrefix, StringComparison.Ordinal) ? subject[GroupPrefix.Length..]
        : subject.EndsWith(VrrpSuffix, StringComparison.Ordinal) ? subject[..^VrrpSuffix.Length]
        : subject;

    /// <summary>What the subject of a group begins with.</summary>
    public const string GroupPrefix = "group ";

    /// <summary>What the subject of a virtual router of IPv6 ends with: IPv4 has another election.</summary>
    public const string VrrpSuffix = " ipv6";
}
