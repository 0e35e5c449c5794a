using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

/// <summary>One destination, a node or a group: the packet under construction, and how its table and ours are exchanged.</summary>
internal sealed class PfPeerLink(int number, PfFormat format, int maxPacket)
{
    private readonly byte[] _buffer = new byte[maxPacket];
    private PfPacketWriter _writer;
    private bool _isBegun;

    public int Number { get; } = number;

    public PfFormat Format { get; } = format;

    /// <summary>When it was heard last.</summary>
    public Instant Heard { get; set; }

    public bool WasHeard { get; set; }

    /// <summary>What we asked of its table.</summary>
    public BulkPhase BulkIn { get; set; } = BulkPhase.Requested;

    /// <summary>When the open request was sent first.</summary>
    public Instant BulkAsked { get; set; }

    /// <summary>When it is sent again.</summary>
    public Instant NextRequest { get; set; }

    public int Requests { get; set; }

    public bool BulkOutActive { get; set; }

    public int BulkOutCursor { get; set; }

    public Instant BulkOutAsked { get; set; }

    /// <summary>Room for a message; a packet that has none is sent.</summary>
    public Span<byte> Room(PfAction action, IDatagramSink sink, StateSyncCounters counters)
    {
        if (!_isBegun)
            Begin();
        var room = _writer.Append(_buffer, action);
        if (!room.IsEmpty)
            return room;
        Send(sink, counters);
        Begin();
        return _writer.Append(_buffer, action);
    }

    /// <summary>Sends what was written.</summary>
    public void Send(IDatagramSink sink, StateSyncCounters counters)
    {
        if (!_isBegun)
            return;
        _isBegun = false;
        var length = _writer.Finish(_buffer);
        counters.DatagramsSent++;
        if (!sink.Send(Number, link: 0, _buffer.AsSpan(0, length)))
            counters.SendFailures++;
    }

    private void Begin()
    {
        _writer = new PfPacketWriter(_buffer, Format.Flavour, maxPacket);
        _isBegun = true;
    }
}
