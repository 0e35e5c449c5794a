using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.StateSync;

/// <summary>The kernel's connection table as the engine asks for it. Owned by the state sync thread.</summary>
internal sealed class KernelStateTable : IStateTable, IDisposable
{
    private readonly ConntrackTable _table = new();
    private ConntrackDump? _walk;

    /// <summary>Events with this netlink port are the echo of what was done through this table.</summary>
    public uint Port => _table.Port;

    /// <summary>Changes that the kernel refused for a reason the engine has no answer to.</summary>
    public long Refused { get; private set; }

    public TableAnswer Create(in ConntrackEntry entry) => Answer(_table.Create(entry));

    public TableAnswer Update(in ConntrackEntry entry) => Answer(_table.Update(entry));

    public TableAnswer MakeLiberal(in ConntrackTuple original) => Answer(_table.MakeLiberal(original));

    public TableAnswer Delete(in ConntrackTuple original, uint kernelId) => Answer(_table.Delete(original, kernelId));

    public bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry) => _table.TryGet(tuple, isReply, out entry);

    public void BeginScan()
    {
        _walk?.Dispose();
        _walk = _table.BeginDump();
    }

    public int Scan(Span<ConntrackEntry> entries)
    {
        var count = 0;
        while (count < entries.Length && _walk is not null && _walk.TryRead(out entries[count]))
            count++;
        if (count == 0)
        {
            _walk?.Dispose();
            _walk = null;
        }
        return count;
    }

    public void Dispose()
    {
        _walk?.Dispose();
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
        if (errno == Errno.NoMemory)
            return TableAnswer.Full;
        Refused++;
        return TableAnswer.Refused;
    }
}
