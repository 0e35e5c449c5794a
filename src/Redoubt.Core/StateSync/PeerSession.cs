using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>How the transfer of a peer's whole table to us stands.</summary>
internal enum BulkPhase : byte
{
    /// <summary>Not asked for yet.</summary>
    Waiting,

    /// <summary>Asked for.</summary>
    Requested,

    /// <summary>States arrive.</summary>
    Running,

    /// <summary>All arrived.</summary>
    Done,
}

/// <summary>
/// What this node keeps per peer: the session, a window of datagrams on their way out, a window of those that came too early, and the
/// queue of slots to be told. All memory is taken at the making, but for the queue, which grows with the store.
/// </summary>
internal sealed class PeerSession(int number)
{
    /// <summary>Datagrams that may be unacknowledged, and that may wait for a missing one before them.</summary>
    public const int Window = 128;

    private readonly byte[] _out = new byte[Window * PfsyncLimits.MaxDatagram];
    private readonly int[] _outLength = new int[Window];
    private readonly Instant[] _sentAt = new Instant[Window];
    private readonly byte[] _early = new byte[Window * PfsyncLimits.MaxDatagram];
    private readonly int[] _earlyLength = new int[Window];
    private int[] _queue = new int[4096];
    private int _head;

    public readonly int Number = number;
    public readonly byte Bit = (byte)(1 << number);

    // What we know of the peer.
    public byte Node;
    public ulong TheirEpoch;
    public uint TheirStream;
    public bool IsOpen;
    public bool WasAlive;
    public Instant AliveSince;
    public bool IsForwarding;
    public bool IsReady;
    public Instant LastHeard;
    public ulong Expected;
    public uint Challenge;
    public uint EchoChallenge;
    public long TheirSentAt;
    public Instant TheirSentAtHeard;
    public TimeSpan RoundTrip;
    public bool HelloDue;
    public int Answers;
    public Instant AnswersUntil;
    public Instant NextHello;
    public Instant NextAck;
    public Instant NextResendRequest;

    /// <summary>What protects the datagrams; null where there is no secret.</summary>
    public PfsyncSeal? Seal;

    // Our stream to it.
    public uint Stream = 1;
    public bool IsConfirmed;

    /// <summary>Since when the peer has taken up our stream.</summary>
    public Instant ConfirmedAt;
    public ulong NextSequence = 1;
    public ulong Acked;
    public Instant AckedAt;

    /// <summary>When our last hello that reached it was sent.</summary>
    public Instant HeardUs;

    /// <summary>When the oldest hello was sent of which nothing shows that it arrived; <see cref="Instant.Never"/> where there is none.</summary>
    public Instant UnheardSince = Instant.Never;
    public Instant LastHello;
    public Instant UnprovenSince;
    public Instant LastUnproven;
    public Instant OldestSent;

    /// <summary>From the first sending of a datagram until it was acknowledged, and so in the peer's kernel.</summary>
    public readonly LagHistogram Lags = new();

    /// <summary>Datagrams sent again.</summary>
    public long Resent;

    /// <summary>Since when the queue has not been empty.</summary>
    public Instant QueuedSince;
    public TimeSpan RetransmitAfter = InitialRetransmit;
    public static readonly TimeSpan InitialRetransmit = TimeSpan.FromMilliseconds(20);

    // Links between us and it.
    public readonly Instant[] LinkHeard = new Instant[PfsyncLimits.Links];

    /// <summary>Those over which it hears us, as it said last.</summary>
    public byte LinksTheyHear = 1;
    public int Link;

    /// <summary>Since when it hears us over the first link without a break; what it was before counts for nothing.</summary>
    public Instant FirstLinkSince;

    // Bulk from it to us.
    public BulkPhase BulkIn;
    public uint BulkRequest;
    public bool BulkRequestDue;
    public uint BulkExpected;
    public uint BulkReceived;
    public int VerifyCursor = -1;

    /// <summary>The life of the peer of which this node has had all states; 0 before the first.</summary>
    public ulong HeldEpoch;

    /// <summary>Comparison of tables.</summary>
    public readonly DigestSession Digests = new();

    // Bulk from us to it.
    public bool BulkOutActive;
    public bool BulkOutStarted;
    public uint BulkOutRequest;
    public int BulkOutCursor;
    public uint BulkOutSent;

    public int QueueCount { get; private set; }

    public ulong InFlight => NextSequence - 1 - Acked;

    public bool HasRoom => InFlight < Window;

    public Span<byte> Out(ulong sequence) => _out.AsSpan((int)(sequence % Window) * PfsyncLimits.MaxDatagram, PfsyncLimits.MaxDatagram);

    /// <summary>When a datagram was sent first.</summary>
    public ref Instant SentAt(ulong sequence) => ref _sentAt[(int)(sequence % Window)];

    public ref int OutLength(ulong sequence) => ref _outLength[(int)(sequence % Window)];

    /// <summary>Keeps a datagram that came before its turn; false when it is there already or too early.</summary>
    public bool KeepEarly(ulong sequence, ReadOnlySpan<byte> datagram)
    {
        var at = (int)(sequence % Window);
        if (sequence - Expected >= Window || _earlyLength[at] != 0)
            return false;
        datagram.CopyTo(_early.AsSpan(at * PfsyncLimits.MaxDatagram));
        _earlyLength[at] = datagram.Length;
        return true;
    }

    /// <summary>Whether the expected datagram waits already; takes it out.</summary>
    public bool TakeExpected(out ReadOnlySpan<byte> datagram)
    {
        var at = (int)(Expected % Window);
        datagram = _early.AsSpan(at * PfsyncLimits.MaxDatagram, _earlyLength[at]);
        _earlyLength[at] = 0;
        return datagram.Length != 0;
    }

    /// <summary>The first datagram kept after the expected one, 0 when none.</summary>
    public ulong FirstEarly()
    {
        for (var sequence = Expected; sequence < Expected + Window; sequence++)
        {
            if (_earlyLength[(int)(sequence % Window)] != 0)
                return sequence;
        }
        return 0;
    }

    public void ClearEarly() => _earlyLength.AsSpan().Clear();

    public void Enqueue(int slot)
    {
        if (QueueCount == _queue.Length)
        {
            var larger = new int[_queue.Length * 2];
            for (var i = 0; i < QueueCount; i++)
                larger[i] = _queue[(_head + i) & (_queue.Length - 1)];
            _queue = larger;
            _head = 0;
        }
        _queue[(_head + QueueCount++) & (_queue.Length - 1)] = slot;
    }

    public int Peek() => _queue[_head];

    public void Dequeue()
    {
        _head = (_head + 1) & (_queue.Length - 1);
        QueueCount--;
    }
}
