using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Redoubt.Linux;

namespace Redoubt.Lab.Traffic;

/// <summary>
/// Sends numbered datagrams at a steady pace to a <see cref="UdpEcho"/> and notes when each came back: loss and outage as a client
/// sees them. A datagram is cookie u64 | number u32, big-endian. Ends by itself after <c>limit</c> numbers.
/// </summary>
public sealed class UdpProbe : IDisposable
{
    /// <summary>Silences up to this length are not listed.</summary>
    public static readonly TimeSpan GapThreshold = TimeSpan.FromMilliseconds(10);

    private const int Length = 12;
    private const int MaximumMarks = 1000;
    private const int MaximumNumbers = 10_000_000;
    private const int PollMilliseconds = 100;
    private const int TailMilliseconds = 500;
    private readonly Socket _socket;
    private readonly long _interval;
    private readonly long _started;
    private readonly ulong _cookie;
    private readonly long[] _sentAt;
    private readonly long[] _receivedAt; // 0 = not answered
    private readonly List<ProbeMark> _marks = [];
    private readonly Thread _sender;
    private readonly Thread _receiver;
    private volatile bool _stopSending;
    private volatile bool _stopReceiving;
    private volatile int _sent;
    private int _received;
    private int _duplicated;
    private int _reordered;
    private int _sendErrors;
    private int _foreign;
    private UdpProbeResult? _result;

    /// <summary>Opens the socket in a namespace and starts.</summary>
    /// <param name="where">The client's namespace.</param>
    /// <param name="target">The echo.</param>
    /// <param name="rate">Datagrams a second, 1 to 100,000.</param>
    /// <param name="limit">Numbers after which it falls silent, up to 10 million.</param>
    public UdpProbe(NetworkNamespace where, IPEndPoint target, int rate = 1000, int limit = 300_000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rate, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rate, 100_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaximumNumbers);
        var any = target.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
        _socket = UdpSocket.Open(where, new IPEndPoint(any, 0));
        _socket.ReceiveTimeout = PollMilliseconds;
        _interval = 1_000_000_000L / rate;
        _sentAt = new long[limit];
        _receivedAt = new long[limit];
        _started = Pacing.Now;
        _cookie = (ulong)_started;
        _sender = new Thread(() => Send(target)) { IsBackground = true, Name = "udp probe send" };
        _receiver = new Thread(Receive) { IsBackground = true, Name = "udp probe receive" };
        _receiver.Start();
        _sender.Start();
    }

    /// <summary>Numbers sent so far.</summary>
    public int Sent => _sent;

    /// <summary>Numbers answered so far.</summary>
    public int Received => Volatile.Read(ref _received);

    /// <summary>Names this moment, so that the outage which follows can be asked for. At most 1,000.</summary>
    public void Mark(string name)
    {
        lock (_marks)
        {
            if (_marks.Count == MaximumMarks)
                throw new InvalidOperationException($"more than {MaximumMarks} marks");
            _marks.Add(new ProbeMark(name, Since(Pacing.Now)));
        }
    }

    /// <summary>Stops sending, waits up to half a second for the last answers and counts.</summary>
    public UdpProbeResult Stop()
    {
        if (_result is not null)
            return _result;
        _stopSending = true;
        _sender.Join();
        var ended = Pacing.Now;
        var deadline = ended + TailMilliseconds * 1_000_000L;
        while (Received < _sent && Pacing.Now < deadline)
            Pacing.WaitUntil(Pacing.Now + 1_000_000);
        _stopReceiving = true;
        _receiver.Join();
        return _result = Count(_sent > 0 ? _sentAt[_sent - 1] : ended);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Stop();
        _socket.Dispose();
    }

    private void Send(IPEndPoint target)
    {
        Span<byte> datagram = stackalloc byte[Length];
        BinaryPrimitives.WriteUInt64BigEndian(datagram, _cookie);
        var address = target.Serialize();
        for (var number = 0; number < _sentAt.Length && !_stopSending; number++)
        {
            Pacing.WaitUntil(_started + number * _interval);
            BinaryPrimitives.WriteInt32BigEndian(datagram[8..], number);
            Volatile.Write(ref _sentAt[number], Pacing.Now);
            _sent = number + 1;
            try
            {
                _socket.SendTo(datagram, SocketFlags.None, address);
            }
            catch (SocketException)
            {
                _sendErrors++;
            }
        }
    }

    private void Receive()
    {
        var buffer = new byte[Length + 1];
        var from = new SocketAddress(_socket.AddressFamily);
        var highest = -1;
        while (!_stopReceiving)
        {
            int length;
            try
            {
                length = _socket.ReceiveFrom(buffer, SocketFlags.None, from);
            }
            catch (SocketException)
            {
                continue; // no answer yet, or an ICMP error: silence either way
            }
            var now = Pacing.Now;
            var number = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(8));
            if (length != Length || BinaryPrimitives.ReadUInt64BigEndian(buffer) != _cookie || number < 0 || number >= _sent)
                _foreign++;
            else if (_receivedAt[number] != 0)
                _duplicated++;
            else
            {
                _receivedAt[number] = now;
                if (number < highest)
                    _reordered++;
                highest = Math.Max(highest, number);
                Interlocked.Increment(ref _received);
            }
        }
    }

    // The moments of the answers in order; between two of them, and before the first and after the last, lies a silence.
    private UdpProbeResult Count(long end)
    {
        var answers = _receivedAt.Take(_sent).Where(at => at != 0).Order().Append(end).ToArray();
        var lostAt = Enumerable.Range(0, _sent).Where(n => _receivedAt[n] == 0).Select(n => _sentAt[n]).ToArray();
        var gaps = new List<ProbeGap>();
        long longest = 0;
        var previous = _started;
        foreach (var at in answers)
        {
            var length = at - previous;
            longest = Math.Max(longest, length);
            if (length > GapThreshold.Ticks * 100)
                gaps.Add(new ProbeGap(Since(previous), new TimeSpan(length / 100), Within(lostAt, previous, at)));
            previous = Math.Max(previous, at);
        }
        lock (_marks)
            return new UdpProbeResult(
                _sent,
                _received,
                _duplicated,
                _reordered,
                _sendErrors,
                _foreign,
                new TimeSpan(longest / 100),
                gaps,
                [.. _marks]
            );
    }

    private static int Within(long[] ordered, long from, long to) => Index(ordered, to + 1) - Index(ordered, from);

    private static int Index(long[] ordered, long value)
    {
        var index = Array.BinarySearch(ordered, value);
        return index < 0 ? ~index : index;
    }

    private TimeSpan Since(long moment) => new((moment - _started) / 100);
}
