using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>How far a bulk transfer from a peer has come.</summary>
public enum BulkProgress
{
    /// <summary>No session yet.</summary>
    None,

    /// <summary>Asked for.</summary>
    Asked,

    /// <summary>States arrive.</summary>
    Running,

    /// <summary>Everything has arrived.</summary>
    Done,
}

/// <summary>
/// What one node knows of one peer: the session it accepted from it, the stream it sends to it, and the bulk in either direction.
/// Owned by the engine.
/// </summary>
internal sealed class StateSyncPeer(int index)
{
    /// <summary>Datagrams kept until they are acknowledged; no more are under way.</summary>
    public const int Window = ReceiveWindow.Size;

    private readonly byte[] _kept = new byte[Window * PfsyncLimits.MaxDatagram];
    private readonly int[] _lengths = new int[Window];
    private readonly Instant[] _sentAt = new Instant[Window];

    public int Index { get; } = index;

    /// <summary>Its bit in the masks of a slot.</summary>
    public byte Bit { get; } = (byte)(1 << index);

    // The session we accepted from it.
    public byte Node { get; set; }
    public ulong Epoch { get; set; }
    public uint InStream { get; set; }
    public ReceiveWindow Received { get; } = new();
    public uint Challenge { get; set; }
    public bool HasSession => InStream != 0;
    public Instant HeardAt { get; set; } = Instant.Zero;
    public bool IsAlive { get; set; }
    public bool IsForwarding { get; set; }
    public long TheirSentAt { get; set; }
    public Instant TheirHelloAt { get; set; }
    public double RoundTripMilliseconds { get; set; } = double.NaN;

    // What we send to it.
    public uint Echo { get; set; }
    public uint OutStream { get; set; } = 1;
    public ulong NextSequence { get; private set; } = 1;
    public ulong Acknowledged { get; private set; }
    public Instant ProgressAt { get; private set; }
    public SlotQueue Queue { get; } = new();
    public Instant NextHello { get; set; } = Instant.Zero;
    public bool OwesAck { get; set; }
    public Instant NextResendRequest { get; set; } = Instant.Zero;

    // Bulk.
    public BulkProgress BulkIn { get; set; }
    public uint BulkInRequest { get; set; }
    public uint BulkInExpected { get; set; }
    public uint BulkInReceived { get; set; }
    public ulong BulkInEndSequence { get; set; }
    public Instant BulkInAskedAt { get; set; } = Instant.Zero;
    public bool OwesBulkRequest { get; set; }
    public bool IsSendingBulk { get; set; }
    public uint BulkOutRequest { get; set; }
    public int BulkOutCursor { get; set; }
    public uint BulkOutSent { get; set; }
    public bool OwesBulkStart { get; set; }

    /// <summary>Datagrams under way.</summary>
    public int Unacknowledged => (int)(NextSequence - 1 - Acknowledged);

    public bool HasRoom => Unacknowledged < Window;

    /// <summary>The oldest datagram that is not acknowledged was first sent then.</summary>
    public Instant OldestSentAt => Unacknowledged == 0 ? Instant.Never : _sentAt[(Acknowledged + 1) % Window];

    /// <summary>Keeps a datagram and gives it its number.</summary>
    public ulong Keep(int length, Instant now)
    {
        var sequence = NextSequence++;
        if (Unacknowledged == 1)
            ProgressAt = now;
        _lengths[sequence % Window] = length;
        _sentAt[sequence % Window] = now;
        return sequence;
    }

    /// <summary>Where the next datagram is built; <see cref="Keep"/> makes it one.</summary>
    public Span<byte> NextBuffer => Buffer(NextSequence);

    /// <summary>A datagram that is still kept; empty where it is not.</summary>
    public Span<byte> Kept(ulong sequence) =>
        sequence > Acknowledged && sequence < NextSequence ? Buffer(sequence)[.._lengths[sequence % Window]] : default;

    /// <summary>The peer has everything up to this number.</summary>
    public void Acknowledge(ulong sequence, Instant now)
    {
        if (sequence <= Acknowledged || sequence >= NextSequence)
            return;
        Acknowledged = sequence;
        ProgressAt = now;
    }

    /// <summary>The oldest datagram was sent again: give it time.</summary>
    public void Retried(Instant now) => ProgressAt = now;

    /// <summary>Begins a new stream: what was under way counts as lost, and the peer will ask for all states.</summary>
    public void RestartStream()
    {
        OutStream++;
        NextSequence = 1;
        Acknowledged = 0;
        IsSendingBulk = false;
        OwesBulkStart = false;
        BulkOutRequest = 0;
    }

    private Span<byte> Buffer(ulong sequence) =>
        _kept.AsSpan((int)(sequence % Window) * PfsyncLimits.MaxDatagram, PfsyncLimits.MaxDatagram);
}
