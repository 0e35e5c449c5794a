using System.Globalization;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Daemon.Events;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// The configuration of this node: the file, its history, and what is in force. A change is validated whole, made durable beside, applied in one transaction
/// for each applier, confirmed where that was asked, and only then becomes the file. Whatever fails or dies on the way, the file is the old or the new one, and so
/// is what runs. Safe from every thread; one change at a time.
/// </summary>
internal sealed partial class ConfigStore : IDisposable
{
    /// <summary>The ledger's entry while a damaged file is replaced by an entry of the history.</summary>
    public const string DemotionReason = "configuration";

    private const string DamagedAlarm = "configuration";
    private const string DiskAlarm = "configuration-disk";
    private const string StuckAlarm = "configuration-undo";
    private readonly string _file;
    private readonly string _pendingFile;
    private readonly ConfigHistory _history;
    private readonly IReadOnlyList<IConfigApplier> _appliers;
    private readonly EventLog _events;
    private readonly AlarmBoard _alarms;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private volatile ConfigSnapshot? _running;
    private volatile ConfigSnapshot? _committed;
    private volatile ConfigRevision? _entry; // of what is committed
    private volatile Unconfirmed? _pending;
    private string? _tookBack;

    public ConfigStore(
        string file,
        string stateDirectory,
        IReadOnlyList<IConfigApplier> appliers,
        EventLog events,
        AlarmBoard alarms,
        TimeProvider? clock = null
    )
    {
        (_file, _appliers, _events, _alarms, _clock) = (Path.GetFullPath(file), appliers, events, alarms, clock ?? TimeProvider.System);
        var directory = Path.Combine(stateDirectory, "config");
        _history = new ConfigHistory(Path.Combine(directory, "history"));
        _pendingFile = Path.Combine(directory, "pending");
    }

    private sealed record Unconfirmed(ConfigRevision Entry, ConfigSnapshot Before, long Begin, TimeSpan Limit, DateTimeOffset Until);

    /// <summary>The configuration file's whole path.</summary>
    public string FilePath => _file;

    /// <summary>What is in force now, confirmed or not.</summary>
    public ConfigSnapshot Running => _running!;

    /// <summary>What was wrong, or worth a warning, when the file was read at the start.</summary>
    public IReadOnlyList<ConfigurationProblem> StartProblems { get; private set; } = [];

    /// <summary>True while an entry of the history stands in for a damaged file.</summary>
    public bool IsFallback { get; private set; }

    /// <summary>When the change that waits for its confirmation is taken back; null where none waits.</summary>
    public DateTimeOffset? ConfirmUntil => _pending?.Until;

    /// <summary>Told after each change that became the file, on the thread that made it.</summary>
    public event Action<ConfigChangeOrigin, ConfigSnapshot>? Committed;

    /// <summary>Told when the configuration file is whole again.</summary>
    public event Action? Repaired;

    /// <summary>The appliers and the sections that they act on.</summary>
    public IReadOnlyList<IConfigApplier> Appliers => _appliers;

    /// <summary>Applies a document.</summary>
    public ControlReply Apply(byte[] bytes, ConfigChangeOrigin origin)
    {
        lock (_gate)
        {
            if (Refusal(origin, isFromFile: false) is { } refusal)
                return ControlReply.Error(refusal);
            return Change(bytes, origin, isFromFile: false);
        }
    }

    /// <summary>Takes over what an editor made of the file; the same way, except that the file is what it is already.</summary>
    public ControlReply Reload()
    {
        lock (_gate)
        {
            var origin = new ConfigChangeOrigin("file", "reload");
            var bytes = AtomicFile.TryRead(_file, ConfigurationLimits.FileBytes);
            var reply =
                bytes is null ? ControlReply.Error($"{_file}: {Unreadable()}")
                : Refusal(origin, isFromFile: true) is { } refusal ? ControlReply.Error(refusal)
                : Change(bytes, origin, isFromFile: true);
            if (reply.Ok == false)
                _events.Add(EventKind.Config, $"reload refused, the old configuration stays in force: {reply.Message}");
            return reply;
        }
    }

    /// <summary>What a document would do; changes nothing.</summary>
    public ControlReply Check(byte[] bytes)
    {
        var snapshot = ConfigSnapshot.TryRead(bytes, _file, out var problems, _running);
        List<ConfigProblem> all = [.. problems.Select(ConfigSnapshot.Told)];
        if (snapshot is not null)
            all.AddRange(_appliers.SelectMany(a => a.Validate(_running, snapshot, applies: false)));
        var errors = all.Count(p => p.Severity == "error");
        return new ControlReply
        {
            Ok = errors == 0,
            Message = errors == 0 ? Would(snapshot!) : Errors(errors),
            Problems = Bounded(all),
        };
    }

    /// <summary>Keeps the change that waits for it.</summary>
    public ControlReply Confirm()
    {
        lock (_gate)
        {
            if (_pending is not { } pending)
                return ControlReply.Error("no change waits for its confirmation");
            var origin = new ConfigChangeOrigin(pending.Entry.User, pending.Entry.Reason);
            if (Promote(_running!, pending.Entry, origin) is { } error)
            {
                TakeBack(pending, "it could not be written");
                return ControlReply.Error($"the change was taken back: {error}");
            }
            _pending = null;
            _events.Add(EventKind.Config, $"change {pending.Entry.Id} was confirmed");
            return Applied($"change {pending.Entry.Id} is confirmed", []);
        }
    }

    /// <summary>Applies an entry of the history; while a change waits for its confirmation, going back to what was before takes it back.</summary>
    public ControlReply Rollback(string id, ConfigChangeOrigin origin)
    {
        lock (_gate)
        {
            if (_history.Find(id) is not { } entry)
                return ControlReply.Error($"the history has no entry {id}");
            if (_pending is { } pending && entry.Digest == pending.Before.Digest)
            {
                TakeBack(pending, $"{origin.User} went back to entry {entry.Id}");
                return Applied($"change {pending.Entry.Id} was taken back", []);
            }
            if (_history.Document(entry) is not { } bytes)
                return ControlReply.Error($"entry {id} cannot be read, or is damaged");
            if (Refusal(origin, isFromFile: false) is { } refusal)
                return ControlReply.Error(refusal);
            return Change(bytes, origin, isFromFile: false);
        }
    }

    /// <summary>The entries, newest first; the one in force is marked.</summary>
    public ControlReply History()
    {
        lock (_gate)
        {
            var current = _pending?.Entry.Id ?? _entry?.Id;
            return new ControlReply { Ok = true, History = [.. _history.All.Select(e => e with { Current = e.Id == current })] };
        }
    }

    /// <summary>The document of an entry; null where there is none.</summary>
    public byte[]? Document(string id)
    {
        lock (_gate)
            return _history.Find(id) is { } entry ? _history.Document(entry) : null;
    }

    /// <summary>Takes a change back whose time is over. Call from time to time; returns when to call again at the latest.</summary>
    public TimeSpan Turn()
    {
        lock (_gate)
        {
            if (_pending is not { } pending)
                return Timeout.InfiniteTimeSpan;
            var left = pending.Limit - _clock.GetElapsedTime(pending.Begin);
            if (left > TimeSpan.Zero)
                return left;
            TakeBack(pending, "it was not confirmed in time");
            return Timeout.InfiniteTimeSpan;
        }
    }

    /// <summary>Takes back what was not confirmed: a stop must not leave what nobody said yes to.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_pending is { } pending)
                TakeBack(pending, "the daemon stops");
        }
    }

    private string? Refusal(ConfigChangeOrigin origin, bool isFromFile)
    {
        if (_pending is { } pending)
            return $"change {pending.Entry.Id} of {pending.Entry.User} waits for its confirmation until {pending.Until:HH:mm:ss}Z; confirm it or go back first";
        if (origin.BasedOn is { } based && based != _running!.Digest)
            return $"conflict: the configuration was changed meanwhile ({Last()}); look at the difference and decide, nothing was changed";
        if (isFromFile || IsFallback)
            return null;
        var onDisk = AtomicFile.TryRead(_file, ConfigurationLimits.FileBytes);
        return onDisk is not null && !onDisk.AsSpan().SequenceEqual(_committed!.Bytes)
            ? $"conflict: {_file} was edited and not loaded; load it (SIGHUP) or undo the edit first, nothing was changed"
            : null;
    }

    private string Last() => _entry is { } entry ? $"entry {entry.Id} by {entry.User}, {entry.Time:yyyy-MM-dd HH:mm:ss}Z" : "by hand";

    private ControlReply Change(byte[] bytes, ConfigChangeOrigin origin, bool isFromFile)
    {
        var running = _running!;
        if (bytes.AsSpan().SequenceEqual(running.Bytes) && !IsFallback)
            return Applied("nothing differs: nothing was written or reloaded", []);
        var next = ConfigSnapshot.TryRead(bytes, _file, out var problems, running);
        if (next is not null && !origin.MayNamePrograms && !running.Configuration.Redoubt.RunsTheSame(next.Configuration.Redoubt))
            return ControlReply.Error(
                "refused: redoubt/hooks, redoubt/failover/service and checks of type script name programs that run with root's rights; only root may change them"
            );
        List<ConfigProblem> all = [.. problems.Select(ConfigSnapshot.Told)];
        if (next is not null)
            all.AddRange(_appliers.SelectMany(a => a.Validate(running, next, applies: true)));
        var errors = all.Count(p => p.Severity == "error");
        if (next is null || errors > 0)
            return ControlReply.Error(Errors(errors) + First(all)) with { Problems = Bounded(all) };

        // Beside what it writes: plans touch nothing.
        var planning = Task.Run(() => _appliers.Select(a => a.Plan(running, next)).ToList());
        var fault = Keep(Head(origin, running, next), bytes, !isFromFile && origin.ConfirmSeconds == 0, out var entry, out var draft);
        using var prepared = draft;
        var plans = planning.GetAwaiter().GetResult();
        if (entry is null || fault is not null)
        {
            Forget(entry);
            _alarms.Raise(DiskAlarm, $"the configuration cannot be saved: {fault}");
            return ControlReply.Error($"the change cannot be saved, the old configuration stays in force: {fault}");
        }
        if (ApplyAll(running, next, plans, out var done) is { } error)
        {
            Forget(entry);
            _events.Add(EventKind.Config, $"a change by {origin.User} failed, the old configuration stays in force: {error}");
            return ControlReply.Error($"{error}; the old configuration stays in force") with { Problems = Bounded(all) };
        }
        _running = next;
        var what = done.Count == 0 ? "nothing had to be reloaded" : string.Join("; ", done);
        if (origin.ConfirmSeconds > 0)
        {
            var limit = TimeSpan.FromSeconds(origin.ConfirmSeconds);
            _pending = new Unconfirmed(entry, running, _clock.GetTimestamp(), limit, _clock.GetUtcNow() + limit);
            _events.Add(
                EventKind.Config,
                $"change {entry.Id} by {origin.User} is in force and waits {origin.ConfirmSeconds} s for its confirmation: {what}"
            );
            Woken?.Invoke();
            return Applied($"in force, to be confirmed within {origin.ConfirmSeconds} s: {what}", all) with { Revision = entry.Id };
        }
        if (Promote(next, entry, origin, isFromFile, draft) is { } unwritten)
        {
            Return(running, next);
            Forget(entry);
            return ControlReply.Error($"the change was taken back: {unwritten}");
        }
        _events.Add(EventKind.Config, $"change {entry.Id} by {origin.User} is in force: {what}");
        return Applied(what, all);
    }

    /// <summary>Told when a change began to wait for its confirmation: <see cref="Turn"/> wants to be called.</summary>
    public event Action? Woken;

    // Durable before anything is in force: the entry, and beside the file what becomes the file. Null, or what the disk says.
    private string? Keep(ConfigRevision head, byte[] bytes, bool drafts, out ConfigRevision? entry, out AtomicDraft? draft)
    {
        (entry, draft) = (null, null);
        try
        {
            // The mark first: an entry that was never in force is known by it after a crash.
            AtomicFile.Write(_pendingFile, Encoding.ASCII.GetBytes(_history.NextId));
            entry = _history.Add(head, bytes);
            if (drafts)
                draft = AtomicDraft.Of(_file, bytes);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    // The one step that makes a change the configuration of the next start.
    private string? Promote(
        ConfigSnapshot next,
        ConfigRevision entry,
        ConfigChangeOrigin origin,
        bool isFromFile = false,
        AtomicDraft? draft = null
    )
    {
        NotDurableException? notDurable = null;
        try
        {
            if (draft is not null)
                draft.Commit();
            else if (!isFromFile)
                AtomicFile.Write(_file, next.Bytes);
        }
        catch (NotDurableException e)
        {
            notDurable = e; // it is the file: going back now could not be made durable either
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _alarms.Raise(DiskAlarm, $"the configuration cannot be saved: {e.Message}");
            return e.Message;
        }
        (_committed, _entry) = (next, entry);
        if (IsFallback)
        {
            IsFallback = false;
            Repaired?.Invoke();
        }
        _alarms.Clear(DamagedAlarm);
        try
        {
            AtomicFile.Delete(_pendingFile);
            _history.Prune(entry.Id);
            if (notDurable is null)
                _alarms.Clear(DiskAlarm);
            else
                _alarms.Raise(
                    DiskAlarm,
                    $"the configuration is saved, but a power failure may bring the former one back: {notDurable.Message}"
                );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _alarms.Raise(DiskAlarm, $"the state directory cannot be written: {e.Message}"); // the mark names what is the file: harmless
        }
        Committed?.Invoke(origin, next);
        return null;
    }

    private void TakeBack(Unconfirmed pending, string why)
    {
        Return(pending.Before, _running!);
        Forget(pending.Entry);
        _pending = null;
        _events.Add(EventKind.Config, $"change {pending.Entry.Id} by {pending.Entry.User} was taken back: {why}");
    }

    // In the appliers' order; where one fails, those before it go back.
    private string? ApplyAll(ConfigSnapshot running, ConfigSnapshot next, List<IReadOnlyList<string>> plans, out List<string> done)
    {
        done = [];
        for (var i = 0; i < _appliers.Count; i++)
        {
            if (plans[i].Count == 0)
                continue;
            if (_appliers[i].Apply(running, next) is not { } error)
            {
                done.AddRange(plans[i]);
                continue;
            }
            for (var undo = i - 1; undo >= 0; undo--)
                UndoOne(_appliers[undo], running, next);
            return $"{_appliers[i].Name}: {error}";
        }
        return null;
    }

    private void Return(ConfigSnapshot before, ConfigSnapshot applied)
    {
        _alarms.Clear(StuckAlarm);
        for (var i = _appliers.Count - 1; i >= 0; i--)
            UndoOne(_appliers[i], before, applied);
        _running = before;
    }

    private void UndoOne(IConfigApplier applier, ConfigSnapshot before, ConfigSnapshot applied)
    {
        if (applier.Plan(applied, before).Count > 0 && applier.Undo(before, applied) is { } error)
            _alarms.Raise(StuckAlarm, $"{applier.Name}: what was before cannot be restored: {error}", AlarmSeverity.Failed);
    }

    private void Forget(ConfigRevision? entry)
    {
        try
        {
            if (entry is not null)
                _history.Remove(entry);
            AtomicFile.Delete(_pendingFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _alarms.Raise(DiskAlarm, $"the state directory cannot be written: {e.Message}"); // the next start sees to it
        }
    }

    private ConfigRevision Head(ConfigChangeOrigin origin, ConfigSnapshot? before, ConfigSnapshot next)
    {
        var diff = before is null ? null : ConfigDiff.Between(before.Document, next.Document, ConfigHistory.Changes);
        List<string> changes = [.. diff?.Changes.Select(c => c.ToString()) ?? []];
        if (diff is not null && diff.Total > changes.Count)
            changes.Add(string.Create(CultureInfo.InvariantCulture, $"and {diff.Total - changes.Count} more"));
        return new ConfigRevision
        {
            Id = "",
            Time = _clock.GetUtcNow(),
            User = origin.User,
            Reason = origin.Reason,
            Digest = next.Digest,
            Bytes = next.Bytes.Length,
            Changes = changes,
        };
    }

    private ControlReply Applied(string message, IReadOnlyList<ConfigProblem> problems) =>
        new()
        {
            Ok = true,
            Message = message,
            Problems = problems.Count == 0 ? null : Bounded(problems),
            Revision = _pending?.Entry.Id ?? _entry?.Id,
            Digest = _running!.Digest,
        };

    private string Would(ConfigSnapshot next)
    {
        var plan = _appliers.SelectMany(a => a.Plan(_running, next)).ToList();
        return plan.Count == 0 ? "valid; nothing would be reloaded" : $"valid; applying it: {string.Join("; ", plan)}";
    }

    private static string Errors(int errors) =>
        errors == 1 ? "refused: one error" : string.Create(CultureInfo.InvariantCulture, $"refused: {errors} errors");

    private static string First(IReadOnlyList<ConfigProblem> problems)
    {
        var first = problems.First(p => p.Severity == "error");
        var where = first.Line > 0 ? string.Create(CultureInfo.InvariantCulture, $" line {first.Line},") : "";
        return $":{where} {first.Element}: {first.Message}".Replace("  ", " ", StringComparison.Ordinal);
    }

    private static IReadOnlyList<ConfigProblem> Bounded(IReadOnlyList<ConfigProblem> problems) =>
        problems.Count <= ControlLimits.Differences ? problems : [.. problems.Take(ControlLimits.Differences)];
}
