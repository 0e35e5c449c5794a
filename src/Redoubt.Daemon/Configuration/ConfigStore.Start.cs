using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.Configuration;

/// <summary>What a start finds on the disk, and what it makes of it.</summary>
internal sealed partial class ConfigStore
{
    /// <summary>
    /// Chooses what to run: the file; where it is damaged, the newest entry of the history that is whole. A change that waited for its
    /// confirmation when the predecessor died is taken back by this: it never reached the file. False where there is nothing to run;
    /// <see cref="StartProblems"/> says why.
    /// </summary>
    public bool TryOpen()
    {
        lock (_gate)
        {
            DropPending();
            var bytes = AtomicFile.TryRead(_file, ConfigurationLimits.FileBytes);
            if (bytes is null)
            {
                StartProblems = [new ConfigurationProblem(true, _file, 0, "", Unreadable(), "")];
                return TryFallBack();
            }
            var snapshot = ConfigSnapshot.TryRead(bytes, _file, out var problems);
            StartProblems = problems;
            if (snapshot is null)
                return TryFallBack();
            _committed = _running = snapshot;
            _entry = _history.All.FirstOrDefault(e => e.Digest == snapshot.Digest);
            return true;
        }
    }

    /// <summary>After the start: keeps what runs in the history, where it is not there yet.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            if (_tookBack is { } id)
                _events.Add(
                    Redoubt.Control.EventKind.Config,
                    $"change {id} was never confirmed before the daemon ended; the configuration before it is in force"
                );
            if (IsFallback)
            {
                _alarms.Raise(
                    DamagedAlarm,
                    $"{_file} is damaged; entry {_entry!.Id} of the history ({_entry.Time:yyyy-MM-dd HH:mm}Z, {_entry.User}) is in force"
                );
                return;
            }
            if (_entry is not null)
                return;
            try
            {
                var before = _history.Newest is { } newest && _history.Document(newest) is { } bytes ? TryRead(bytes) : null;
                _entry = _history.Add(Head(new ConfigChangeOrigin("file", "found at the start"), before, _running!), _running!.Bytes);
                _history.Prune(_entry.Id);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _alarms.Raise(DiskAlarm, $"the configuration's history cannot be written: {e.Message}");
            }
        }
    }

    private bool TryFallBack()
    {
        foreach (var entry in _history.All)
        {
            if (_history.Document(entry) is not { } bytes || TryRead(bytes) is not { } snapshot)
                continue;
            (_committed, _running, _entry, IsFallback) = (snapshot, snapshot, entry, true);
            return true;
        }
        return false;
    }

    // The order of an apply is: mark, entry, draft of the file, kernel, file, mark away. So a mark whose entry is the file is a change that is through.
    private void DropPending()
    {
        DropDrafts();
        if (AtomicFile.TryRead(_pendingFile, 64) is not { } mark)
            return;
        var id = System.Text.Encoding.ASCII.GetString(mark).Trim();
        var entry = _history.Find(id);
        var bytes = AtomicFile.TryRead(_file, ConfigurationLimits.FileBytes);
        var isThrough = entry is not null && bytes is not null && ConfigSnapshot.DigestOf(bytes) == entry.Digest;
        try
        {
            if (!isThrough && entry is not null)
            {
                _history.Remove(entry);
                _tookBack = id;
            }
            AtomicFile.Delete(_pendingFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _alarms.Raise(DiskAlarm, $"the state directory cannot be written: {e.Message}");
        }
    }

    private void DropDrafts()
    {
        try
        {
            File.Delete(_file + AtomicFile.Draft);
            File.Delete(_pendingFile + AtomicFile.Draft);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _alarms.Raise(DiskAlarm, $"a draft cannot be removed: {e.Message}");
        }
    }

    private string Unreadable() => File.Exists(_file) ? "the file cannot be read, or is larger than 64 MiB" : "there is no such file";

    private ConfigSnapshot? TryRead(byte[] bytes) => ConfigSnapshot.TryRead(bytes, _file, out _);
}
