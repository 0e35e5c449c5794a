using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>A connection table that behaves as the kernel's does: unique tuples of both directions, ids, timeouts, news, dumps that miss entries.</summary>
internal sealed class SimulatedTable(Random random) : IStateTable
{
    private readonly Dictionary<ConntrackTuple, (ConntrackEntry Entry, Instant Until)> _entries = [];
    private readonly Dictionary<ConntrackTuple, ConntrackTuple> _replies = [];
    private readonly Queue<ConntrackEntry> _walk = new();
    private uint _ids;

    public Queue<(TableNews Kind, ConntrackEntry Entry, bool IsEcho)> News { get; } = new();

    public Instant Now { get; set; }

    public bool MissesInScans { get; set; }

    public IEnumerable<ConntrackEntry> Entries => _entries.Values.Select(e => e.Entry);

    public int Count => _entries.Count;

    public TableAnswer Create(in ConntrackEntry entry) => Put(entry, isEcho: true);

    public void Install(ReadOnlySpan<TableInstall> installs, Span<TableAnswer> answers)
    {
        for (var i = 0; i < installs.Length; i++)
            answers[i] = installs[i].IsUpdate ? Update(installs[i].Entry) : Create(installs[i].Entry);
    }

    public TableAnswer Put(in ConntrackEntry entry, bool isEcho)
    {
        if (_entries.ContainsKey(entry.Original) || _replies.ContainsKey(entry.Reply))
            return TableAnswer.Exists;
        Store(entry with { KernelId = ++_ids });
        Tell(TableNews.New, _entries[entry.Original].Entry, isEcho);
        return TableAnswer.Done;
    }

    public TableAnswer Update(in ConntrackEntry entry) => Change(entry, isEcho: true);

    public TableAnswer Change(in ConntrackEntry entry, bool isEcho)
    {
        if (!_entries.TryGetValue(entry.Original, out var held))
            return TableAnswer.Missing;
        Store(entry with { Reply = held.Entry.Reply, KernelId = held.Entry.KernelId, Status = held.Entry.Status | entry.Status });
        Tell(TableNews.Update, _entries[entry.Original].Entry, isEcho);
        return TableAnswer.Done;
    }

    /// <summary>A packet passed: the lifetime starts anew, and nobody is told.</summary>
    public void Touch(in ConntrackTuple original, uint seconds)
    {
        if (_entries.TryGetValue(original, out var held))
            Store(held.Entry with { TimeoutSeconds = seconds });
    }

    public TableAnswer Delete(in ConntrackTuple original, uint kernelId) => Remove(original, kernelId, isEcho: true);

    public TableAnswer Remove(in ConntrackTuple original, uint kernelId, bool isEcho)
    {
        if (!_entries.TryGetValue(original, out var held) || (kernelId != 0 && held.Entry.KernelId != kernelId))
            return TableAnswer.Missing;
        _entries.Remove(original);
        _replies.Remove(held.Entry.Reply);
        Tell(TableNews.Destroy, held.Entry, isEcho);
        return TableAnswer.Done;
    }

    public bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry)
    {
        var found = isReply && _replies.TryGetValue(tuple, out var original) ? original : tuple;
        if (!_entries.TryGetValue(found, out var held))
        {
            entry = default;
            return false;
        }
        entry = Seen(held);
        return true;
    }

    public HashSet<ExpectedFlow> Expected { get; } = [];

    public TableAnswer Expect(in ExpectedFlow flow) => Expected.Add(flow) ? TableAnswer.Done : TableAnswer.Exists;

    public TableAnswer Unexpect(in ExpectedFlow flow)
    {
        var tuple = flow.Tuple;
        return Expected.RemoveWhere(e => e.Tuple == tuple) > 0 ? TableAnswer.Done : TableAnswer.Missing;
    }

    public void MakeLiberal(ReadOnlySpan<ConntrackTuple> originals)
    {
        foreach (var original in originals)
        {
            if (!_entries.TryGetValue(original, out var held))
                continue;
            held.Entry.TcpFlagsOriginal |= ConntrackEntry.TcpFlagBeLiberal;
            held.Entry.TcpFlagsReply |= ConntrackEntry.TcpFlagBeLiberal;
            _entries[original] = held;
        }
    }

    public void BeginScan()
    {
        _walk.Clear();
        foreach (var held in _entries.Values)
        {
            if (!MissesInScans || random.Next(20) != 0)
                _walk.Enqueue(Seen(held));
        }
    }

    public int Scan(Span<ConntrackEntry> entries)
    {
        var count = 0;
        while (count < entries.Length && _walk.TryDequeue(out var entry))
            entries[count++] = entry;
        return count;
    }

    public void Expire()
    {
        foreach (var held in _entries.Values.Where(e => e.Until <= Now).ToList())
            Remove(held.Entry.Original, 0, isEcho: false);
    }

    public void Clear()
    {
        _entries.Clear();
        _replies.Clear();
        News.Clear();
    }

    private ConntrackEntry Seen((ConntrackEntry Entry, Instant Until) held) =>
        held.Entry with
        {
            TimeoutSeconds = (uint)Math.Max(0, (held.Until - Now).TotalSeconds),
        };

    private void Store(in ConntrackEntry entry)
    {
        _entries[entry.Original] = (entry, Now + TimeSpan.FromSeconds(entry.TimeoutSeconds));
        _replies[entry.Reply] = entry.Original;
    }

    private void Tell(TableNews kind, in ConntrackEntry entry, bool isEcho) => News.Enqueue((kind, entry, isEcho));
}
