using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.StateSync;

/// <summary>The kernel's connection table as the engine wants it. Belongs to the loop's thread, and to its network namespace.</summary>
internal sealed class KernelStateTable : IStateTable, IDisposable
{
    private const int NoMemory = 12;
    private readonly ConntrackTable _table = new();
    private readonly ConntrackChange[] _changes = new ConntrackChange[ConntrackLimits.MaxBatch];
    private readonly Errno[] _results = new Errno[ConntrackLimits.MaxBatch];
    private ConntrackDump? _dump;

    /// <summary>Events that carry this port are echoes of our own changes.</summary>
    public uint Port => _table.Port;

    /// <summary>Requests the kernel refused for a reason that is none of the expected ones, and the last such reason.</summary>
    public long Refused { get; private set; }

    /// <summary>Entries that the kernel had no room for.</summary>
    public long Full { get; private set; }

    /// <summary>Entries that lack their helper here because the kernel lacks it.</summary>
    public long WithoutHelper => _table.WithoutHelper;

    /// <summary>What the last refusal was.</summary>
    public Errno LastRefusal { get; private set; }

    /// <summary>Dumps that ended early.</summary>
    public long DumpFaults { get; private set; }

    public TableAnswer Create(in ConntrackEntry entry) => Answer(_table.Create(entry));

    public TableAnswer Update(in ConntrackEntry entry) => Answer(_table.Update(entry));

    public void Install(ReadOnlySpan<TableInstall> installs, Span<TableAnswer> answers)
    {
        while (!installs.IsEmpty)
        {
            var count = Math.Min(installs.Length, _changes.Length);
            for (var i = 0; i < count; i++)
                _changes[i] = new ConntrackChange(
                    installs[i].IsUpdate ? ConntrackChangeKind.Update : ConntrackChangeKind.Create,
                    installs[i].Entry
                );
            _table.Apply(_changes.AsSpan(0, count), _results.AsSpan(0, count));
            for (var i = 0; i < count; i++)
                answers[i] = Answer(_results[i]);
            installs = installs[count..];
            answers = answers[count..];
        }
    }

    public TableAnswer Delete(in ConntrackTuple original, uint kernelId) => Answer(_table.Delete(original, kernelId));

    public bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry) => _table.TryGet(tuple, isReply, out entry);

    public TableAnswer Expect(in ExpectedFlow flow) => Answer(_table.Expect(flow));

    public TableAnswer Unexpect(in ExpectedFlow flow) => Answer(_table.Unexpect(flow));

    public void MakeLiberal(ReadOnlySpan<ConntrackTuple> originals)
    {
        while (!originals.IsEmpty)
        {
            var count = Math.Min(originals.Length, _changes.Length);
            for (var i = 0; i < count; i++)
                _changes[i] = new ConntrackChange(ConntrackChangeKind.MakeLiberal, new ConntrackEntry { Original = originals[i] });
            _table.Apply(_changes.AsSpan(0, count), _results.AsSpan(0, count));
            originals = originals[count..];
        }
    }

    public void BeginScan()
    {
        _dump?.Dispose();
        _dump = _table.BeginDump();
    }

    public int Scan(Span<ConntrackEntry> entries)
    {
        if (_dump is null)
            return 0;
        var count = 0;
        while (count < entries.Length && _dump.TryRead(out var entry))
            entries[count++] = entry;
        if (count > 0)
            return count;
        if (!_dump.Errno.IsSuccess)
            DumpFaults++;
        _dump.Dispose();
        _dump = null;
        return 0;
    }

    public void Dispose()
    {
        _dump?.Dispose();
        _table.Dispose();
    }

    private TableAnswer Answer(Errno errno)
    {
        if (errno.IsSuccess)
            return TableAnswer.Done;
        if (errno == Errno.Exists)
            return TableAnswer.Exists;
        if (errno == Errno.NoEntry)
            return TableAnswer.Missing;
        if (errno.Value == NoMemory)
        {
            Full++;
            return TableAnswer.Full;
        }
        Refused++;
        LastRefusal = errno;
        return TableAnswer.Refused;
    }
}
