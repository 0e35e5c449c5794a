using Redoubt.Core.StateSync;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;
using static Redoubt.Linux.Conntrack.ConntrackAttribute;

namespace Redoubt.Linux.Conntrack;

/// <summary>Called for each entry of a dump. The entry lives in the reader's buffer: copy what is to be kept. False ends the dump.</summary>
public delegate bool ConntrackVisitor(in ConntrackEntry entry);

/// <summary>
/// The connection table of the network namespace this was opened in, asked over one request socket. The kernel handles a
/// request inside the send, so nothing here waits. Allocates only when opened and for dumps. Not thread safe: one owner.
/// </summary>
public sealed class ConntrackTable : IDisposable
{
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Netfilter);
    private readonly byte[] _request = GC.AllocateUninitializedArray<byte>(
        ConntrackLimits.MaxBatch * ConntrackLimits.MaxMessageLength,
        pinned: true
    );
    private readonly byte[] _answer = GC.AllocateUninitializedArray<byte>(8192, pinned: true);

    /// <summary>Opens the request socket.</summary>
    /// <exception cref="KernelException">The kernel has no netfilter netlink, or the process may not use it.</exception>
    public ConntrackTable() => _socket.SetReceiveBuffer(ConntrackLimits.AnswerBuffer);

    /// <summary>Port id of the request socket: events that our own changes cause carry it.</summary>
    public uint Port => _socket.Port;

    /// <summary>Messages of the kernel that were skipped because they could not be read.</summary>
    public long Malformed { get; private set; }

    /// <summary>Entries created without the helper they should have, because this kernel lacks it.</summary>
    public long WithoutHelper { get; private set; }

    /// <summary>
    /// Creates an entry, translated as the difference of its tuples says, with exactly that port.
    /// <see cref="Errno.Exists"/> when another entry holds one of the tuples; ENOMEM (12) when the table is full.
    /// </summary>
    public Errno Create(in ConntrackEntry entry) => Apply(ConntrackChangeKind.Create, entry);

    /// <summary>
    /// Updates the entry with this original tuple: lifetime (0 seconds leaves it), mark, TCP state, and the status bits that can be set.
    /// <see cref="Errno.NoEntry"/> when there is none. Never touches translation. Status bits never go backwards: where the kernel has more, they are left.
    /// </summary>
    public Errno Update(in ConntrackEntry entry) => Apply(ConntrackChangeKind.Update, entry);

    /// <summary>
    /// Makes the TCP entry with this original tuple accept segments outside its window, in both directions, and leaves everything else.
    /// </summary>
    public Errno MakeLiberal(in ConntrackTuple original) =>
        Apply(ConntrackChangeKind.MakeLiberal, new ConntrackEntry { Original = original });

    /// <summary>Has the kernel expect a flow. ENOENT without its master, EOPNOTSUPP (95) where the master has no helper.</summary>
    public Errno Expect(in ExpectedFlow flow)
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_request);
        ConntrackMessage.WriteExpect(ref writer, flow, NetlinkFlags.Ack, sequence);
        return Ask(writer.Finish(), sequence);
    }

    /// <summary>Has the kernel forget an expected flow.</summary>
    public Errno Unexpect(in ExpectedFlow flow)
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_request);
        ConntrackMessage.WriteUnexpect(ref writer, flow, NetlinkFlags.Ack, sequence);
        return Ask(writer.Finish(), sequence);
    }

    private Errno Ask(ReadOnlySpan<byte> request, uint sequence)
    {
        var result = Errno.None;
        var errno = _socket.Send(request);
        return errno.IsSuccess && (errno = Collect(sequence, new Span<Errno>(ref result))).IsSuccess ? result : errno;
    }

    /// <summary>
    /// Deletes the entry with this original tuple; unless <paramref name="kernelId"/> is 0 only if it still is the entry of that id.
    /// <see cref="Errno.NoEntry"/> when there is none.
    /// </summary>
    /// <remarks>The id is the kernel's hash of the entry's place in memory and its original tuple: a tuple that returns at once to the same
    /// place has the same id again (measured: 200 of 200). It guards against an older entry, it is not proof of an incarnation.</remarks>
    public Errno Delete(in ConntrackTuple original, uint kernelId) =>
        Apply(ConntrackChangeKind.Delete, new ConntrackEntry { Original = original, KernelId = kernelId });

    /// <summary>
    /// Makes changes in order, many to a system call. <paramref name="results"/> gets one errno per change. Answers what went wrong with the
    /// socket itself; the results of the changes it struck are then the same errno and mean "unknown".
    /// </summary>
    public Errno Apply(ReadOnlySpan<ConntrackChange> changes, Span<Errno> results)
    {
        if (results.Length < changes.Length)
            throw new ArgumentException("one result per change", nameof(results));
        var fault = Errno.None;
        for (var start = 0; start < changes.Length; start += ConntrackLimits.MaxBatch)
        {
            var count = Math.Min(ConntrackLimits.MaxBatch, changes.Length - start);
            var errno = ApplyBatch(changes.Slice(start, count), results.Slice(start, count));
            if (!errno.IsSuccess)
                fault = errno;
        }
        return fault;
    }

    /// <summary>Looks up the entry that has this tuple in its original or reply direction.</summary>
    public bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry)
    {
        entry = default;
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_request);
        ConntrackMessage.WriteGet(ref writer, tuple, isReply, sequence);
        if (!_socket.Send(writer.Finish()).IsSuccess)
            return false;
        var answers = new Answers(this, sequence);
        while (answers.MoveNext())
        {
            if (answers.Current.Type == NetlinkMessage.ErrorType)
                return false;
            if (ConntrackMessage.TryRead(answers.Current, out entry, out _))
                return true;
            Malformed++;
        }
        return false;
    }

    /// <summary>The number of entries, -1 when the kernel does not say.</summary>
    public int Count()
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_request);
        ConntrackMessage.WriteCount(ref writer, sequence);
        if (!_socket.Send(writer.Finish()).IsSuccess)
            return -1;
        var answers = new Answers(this, sequence);
        while (answers.MoveNext())
        {
            if (answers.Current.Type != MessageType(IPCTNL_MSG_CT_GET_STATS))
                return -1;
            var attributes = answers.Current.Attributes(ConntrackMessage.HeaderLength);
            while (attributes.MoveNext())
            {
                if (attributes.Current.Type == CTA_STATS_GLOBAL_ENTRIES)
                    return (int)Math.Min(attributes.Current.UInt32BE, int.MaxValue);
            }
        }
        return -1;
    }

    /// <summary>
    /// Shows every entry of every family to <paramref name="visitor"/>, none of them kept. Entries that come or go meanwhile may be missed or
    /// seen twice. The visitor may use this table. Answers what ended the dump early, success otherwise.
    /// </summary>
    public Errno Dump(ConntrackVisitor visitor)
    {
        using var dump = BeginDump();
        while (dump.TryRead(out var entry))
        {
            if (!visitor(entry))
                break;
        }
        Malformed += dump.Malformed;
        return dump.Errno;
    }

    /// <summary>
    /// Begins a dump on a socket of its own, to be read in slices at the caller's pace. <paramref name="family"/> 2 or 10, 0 for all.
    /// </summary>
    /// <remarks>The socket belongs to the network namespace of the calling thread.</remarks>
    public ConntrackDump BeginDump(byte family = 0) => new(family);

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    private Errno Apply(ConntrackChangeKind kind, in ConntrackEntry entry)
    {
        var change = new ConntrackChange(kind, entry);
        var result = Errno.None;
        var errno = ApplyBatch(new ReadOnlySpan<ConntrackChange>(in change), new Span<Errno>(ref result));
        return errno.IsSuccess ? result : errno;
    }

    private Errno ApplyBatch(ReadOnlySpan<ConntrackChange> changes, Span<Errno> results)
    {
        var errno = Exchange(changes, results, withStatus: true);
        if (!errno.IsSuccess)
            return errno;
        // EBUSY on an update: the kernel's entry has a status bit that ours lacks, or is an expected one. All else of the update still counts.
        for (var i = 0; i < changes.Length; i++)
        {
            if (results[i].IsSuccess)
                continue;
            if (results[i] == Errno.NotSupported && changes[i].Kind == ConntrackChangeKind.Create && !changes[i].Entry.Helper.IsEmpty)
            {
                errno = CreatePlain(changes[i].Entry, ref results[i]);
                if (!errno.IsSuccess)
                    return errno;
                continue;
            }
            // No rule of this node knows labels, so its entries have no place for them. All else of the update was done before.
            if (results[i] == Errno.NoSpace && changes[i].Kind == ConntrackChangeKind.Update)
                results[i] = Errno.None;
            if (results[i] != Errno.Busy || changes[i].Kind != ConntrackChangeKind.Update)
                continue;
            errno = Exchange(changes.Slice(i, 1), results.Slice(i, 1), withStatus: false);
            if (!errno.IsSuccess)
                return errno;
        }
        return Errno.None;
    }

    // This kernel has no such helper, or none for this protocol: the connection itself lives without.
    private Errno CreatePlain(in ConntrackEntry entry, ref Errno result)
    {
        WithoutHelper++;
        var plain = new ConntrackChange(ConntrackChangeKind.CreatePlain, entry);
        return Exchange(new ReadOnlySpan<ConntrackChange>(in plain), new Span<Errno>(ref result), withStatus: true);
    }

    /// <summary>
    /// One send. Only the last message asks for an acknowledgement: the others answer when they fail, and the last one's answer proves that
    /// all before it were handled.
    /// </summary>
    private Errno Exchange(ReadOnlySpan<ConntrackChange> changes, Span<Errno> results, bool withStatus)
    {
        results[..changes.Length].Clear();
        var writer = new NetlinkWriter(_request);
        var first = 0u;
        for (var i = 0; i < changes.Length; i++)
        {
            var sequence = _socket.NextSequence();
            if (i == 0)
                first = sequence;
            Write(ref writer, changes[i], withStatus, i == changes.Length - 1 ? NetlinkFlags.Ack : NetlinkFlags.None, sequence);
        }
        var errno = _socket.Send(writer.Finish());
        return errno.IsSuccess ? Collect(first, results[..changes.Length]) : Fail(results[..changes.Length], errno);
    }

    private static void Write(ref NetlinkWriter writer, in ConntrackChange change, bool withStatus, NetlinkFlags flags, uint sequence)
    {
        var entry = change.Entry;
        switch (change.Kind)
        {
            case ConntrackChangeKind.Create:
                ConntrackMessage.WriteCreate(ref writer, entry, flags, sequence);
                break;
            case ConntrackChangeKind.CreatePlain:
                ConntrackMessage.WriteCreate(ref writer, entry, flags, sequence, withExtras: false);
                break;
            case ConntrackChangeKind.Update:
                ConntrackMessage.WriteUpdate(ref writer, entry, withStatus, flags, sequence);
                break;
            case ConntrackChangeKind.Delete:
                ConntrackMessage.WriteDelete(ref writer, entry.Original, entry.KernelId, flags, sequence);
                break;
            case ConntrackChangeKind.MakeLiberal:
                ConntrackMessage.WriteLiberal(ref writer, entry.Original, flags, sequence);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change.Kind, "no such change");
        }
    }

    private Errno Collect(uint first, Span<Errno> results)
    {
        for (var datagrams = 0; datagrams < ConntrackLimits.MaxAnswers; datagrams++)
        {
            var errno = _socket.Receive(_answer, out var length, wait: false);
            if (!errno.IsSuccess)
                return Fail(results, errno);
            var messages = new NetlinkMessages(_answer.AsSpan(0, length));
            while (messages.MoveNext())
            {
                var message = messages.Current;
                var index = message.Sequence - first; // an answer to an older request wraps to a large number
                if (message.Type != NetlinkMessage.ErrorType || index >= (uint)results.Length)
                    continue;
                results[(int)index] = new Errno(message.Error);
                if (index == (uint)results.Length - 1)
                    return Errno.None;
            }
            if (messages.IsMalformed)
                Malformed++;
        }
        return Fail(results, Errno.TryAgain);
    }

    private static Errno Fail(Span<Errno> results, Errno errno)
    {
        results.Fill(errno);
        return errno;
    }

    /// <summary>Walks the messages that answer one request; ends when nothing waits.</summary>
    private ref struct Answers(ConntrackTable table, uint sequence)
    {
        private NetlinkMessages _messages = new([]);
        private int _datagrams;

        public NetlinkMessage Current { get; private set; }

        public bool MoveNext()
        {
            while (true)
            {
                while (_messages.MoveNext())
                {
                    Current = _messages.Current;
                    if (Current.Sequence == sequence)
                        return true;
                }
                if (_datagrams++ == ConntrackLimits.MaxAnswers)
                    return false;
                if (!table._socket.Receive(table._answer, out var length, wait: false).IsSuccess)
                    return false;
                _messages = new NetlinkMessages(table._answer.AsSpan(0, length));
            }
        }
    }
}
