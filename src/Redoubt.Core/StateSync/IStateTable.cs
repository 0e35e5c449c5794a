namespace Redoubt.Core.StateSync;

/// <summary>What the table of connections answered.</summary>
public enum TableAnswer
{
    /// <summary>Done.</summary>
    Done,

    /// <summary>An entry with this original or reply tuple is there already.</summary>
    Exists,

    /// <summary>No such entry.</summary>
    Missing,

    /// <summary>No room.</summary>
    Full,

    /// <summary>Refused for another reason.</summary>
    Refused,
}

/// <summary>What happened to an entry of the table.</summary>
public enum TableNews
{
    /// <summary>A new entry.</summary>
    New,

    /// <summary>Changed.</summary>
    Update,

    /// <summary>Gone.</summary>
    Destroy,
}

/// <summary>An entry that is to be there.</summary>
/// <param name="Entry">What it is to be.</param>
/// <param name="IsUpdate">It is there already and is changed; else it is created.</param>
public readonly record struct TableInstall(ConntrackEntry Entry, bool IsUpdate);

/// <summary>The table of connections the states go into: the kernel's in the daemon, a simulated one in tests.</summary>
public interface IStateTable
{
    /// <summary>Creates an entry with exactly these tuples.</summary>
    TableAnswer Create(in ConntrackEntry entry);

    /// <summary>Changes timeout, mark, status and TCP fields of the entry with this original tuple; not its translation.</summary>
    TableAnswer Update(in ConntrackEntry entry);

    /// <summary>Creates or updates many, in order; one answer for each.</summary>
    void Install(ReadOnlySpan<TableInstall> installs, Span<TableAnswer> answers);

    /// <summary>Deletes the entry of this original tuple; where <paramref name="kernelId"/> is not 0 only if it carries that id.</summary>
    TableAnswer Delete(in ConntrackTuple original, uint kernelId);

    /// <summary>Finds an entry by its original or by its reply tuple.</summary>
    bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry);

    /// <summary>Has the kernel expect a flow that a connection in the table announced.</summary>
    TableAnswer Expect(in ExpectedFlow flow);

    /// <summary>Nobody waits for that flow any more.</summary>
    TableAnswer Unexpect(in ExpectedFlow flow);

    /// <summary>Makes TCP entries accept segments outside their windows; those that are gone are passed over.</summary>
    void MakeLiberal(ReadOnlySpan<ConntrackTuple> originals);

    /// <summary>Starts walking the whole table from its beginning, leaving a walk that is under way.</summary>
    void BeginScan();

    /// <summary>The next entries of the walk; 0 at its end.</summary>
    int Scan(Span<ConntrackEntry> entries);
}

/// <summary>Where datagrams for the peers go.</summary>
public interface IDatagramSink
{
    /// <summary>Sends to the peer of this number over one of its links, 0 being the first; false when that way is blocked for now and the datagram was not taken.</summary>
    bool Send(int peer, int link, ReadOnlySpan<byte> datagram);
}
