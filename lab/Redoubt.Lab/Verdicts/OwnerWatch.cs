using System.Net;
using Redoubt.Lab.Network;
using Redoubt.Lab.Traffic;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Verdicts;

/// <summary>Answers for the address that came in through one port.</summary>
/// <param name="Port">The port, "fw1.lan".</param>
/// <param name="Questions">Questions it answered.</param>
/// <param name="First">When the first of them was asked, from the start of the watch.</param>
/// <param name="Last">When the last of them was asked.</param>
public sealed record OwnerAnswers(string Port, int Questions, TimeSpan First, TimeSpan Last);

/// <summary>Who answered for an address.</summary>
/// <param name="Asked">Questions asked.</param>
/// <param name="Answered">Questions answered by somebody.</param>
/// <param name="TwoOwners">When the questions were asked that were answered through more than one port.</param>
/// <param name="LongestSilence">The longest time without an answer: from one answered question to the next, or to the end.</param>
/// <param name="Ports">Answers by port, in the order of their first.</param>
/// <param name="Dropped">Frames the kernel could not queue; above 0, absence proves nothing.</param>
/// <param name="NotSent">Questions the kernel did not take.</param>
public sealed record OwnerWatchResult(
    int Asked,
    int Answered,
    IReadOnlyList<TimeSpan> TwoOwners,
    TimeSpan LongestSilence,
    IReadOnlyList<OwnerAnswers> Ports,
    long Dropped,
    int NotSent
)
{
    /// <summary>The answers of a port; null where it never answered.</summary>
    public OwnerAnswers? Of(Port port) => Ports.FirstOrDefault(p => p.Port == port.Name);

    /// <inheritdoc />
    public override string ToString() =>
        $"asked {Asked}, answered {Answered}, two owners {TwoOwners.Count}, longest silence {LongestSilence.TotalMilliseconds:0} ms, not sent {NotSent}, "
        + $"dropped {Dropped}, {string.Join(", ", Ports.Select(p => $"{p.Port} {p.Questions} from {p.First.TotalSeconds:0.00} to {p.Last.TotalSeconds:0.00} s"))}";
}

/// <summary>
/// Asks a segment every 20 ms who has an address (ARP, or neighbour discovery), and tells by the switch ports which hosts answer:
/// virtual MACs are shared, so nothing within an answer tells the nodes apart. Each question gives another MAC to answer to, so
/// that an answer belongs to one question whenever it comes: two ports that answer one question are two owners.
/// </summary>
public sealed class OwnerWatch : IDisposable
{
    /// <summary>Time between two questions.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private const int QuestionLimit = 30_000; // ten minutes
    private const long NanosecondsPerTick = 100;
    private readonly OwnerQuestion _question;
    private readonly List<Port> _ports;
    private readonly PacketSender _sender;
    private readonly PortTaps _taps;
    private readonly Thread _thread;
    private readonly long _started = Pacing.Now;
    private readonly Lock _gate = new();
    private readonly List<(long Moment, uint Ports)> _questions = []; // when it was asked, and a bit for each port that answered it
    private volatile bool _stopping;
    private int _notSent;
    private OwnerWatchResult? _result;

    /// <summary>
    /// Starts to ask from a host's port, as <paramref name="asker"/>: an address within the segment's network that nobody else
    /// uses. Answers are looked for at every other port of the segment, at most 32.
    /// </summary>
    public OwnerWatch(Topology topology, Port from, IPAddress asker, IPAddress address)
    {
        _ports = [.. topology.Ports.Where(p => p.Segment == from.Segment && p != from)];
        var link = from.Host.Run(() =>
        {
            using var links = new RouteNetlink();
            return links.Link(from.Device) ?? throw new LabException($"{from.Host} has no device {from.Device}");
        });
        _question = new OwnerQuestion(link.Mac, asker, address);
        _sender = from.Host.Run(() => new PacketSender(link.Index));
        _taps = new PortTaps(topology.Switch.Run, [.. _ports.Select(p => p.SwitchDevice)], Hear);
        _taps.Start();
        _thread = new Thread(Ask) { IsBackground = true, Name = $"who has {address}" };
        _thread.Start();
    }

    /// <summary>Time since the start, by which the result tells times.</summary>
    public TimeSpan Elapsed => new((Pacing.Now - _started) / NanosecondsPerTick);

    /// <summary>Questions that a port has answered so far.</summary>
    public int Answers(Port port)
    {
        var bit = 1u << IndexOf(port);
        lock (_gate)
            return _questions.Count(q => (q.Ports & bit) != 0);
    }

    /// <summary>Asks no more, and returns what was answered.</summary>
    public OwnerWatchResult Stop()
    {
        if (_result is not null)
            return _result;
        _stopping = true;
        _thread.Join();
        return _result = Judge(Pacing.Now, _taps.Stop());
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Stop();
        _taps.Dispose();
        _sender.Dispose();
    }

    private void Ask()
    {
        for (var number = 0; number < QuestionLimit && !_stopping; number++)
        {
            lock (_gate)
                _questions.Add((Pacing.Now, 0));
            if (!_sender.Send(_question.Write(number), mark: 0).IsSuccess)
                _notSent++;
            Pacing.WaitUntil(_started + (number + 1) * Interval.Ticks * NanosecondsPerTick);
        }
    }

    private void Hear(int port, long moment, ReadOnlySpan<byte> frame)
    {
        if (_question.NumberAnsweredBy(frame) is not { } number)
            return;
        lock (_gate)
        {
            if (number < _questions.Count)
                _questions[number] = _questions[number] with { Ports = _questions[number].Ports | (1u << port) };
        }
    }

    private OwnerWatchResult Judge(long end, long dropped)
    {
        lock (_gate)
        {
            var answered = _questions.Where(q => q.Ports != 0).ToList();
            var silence = 0L;
            var last = _started;
            foreach (var moment in answered.Select(q => q.Moment).Append(end))
                (silence, last) = (Math.Max(silence, moment - last), moment);
            List<OwnerAnswers> ports = [];
            for (var port = 0; port < _ports.Count; port++)
            {
                var own = answered.Where(q => (q.Ports & (1u << port)) != 0).ToList();
                if (own.Count > 0)
                    ports.Add(new OwnerAnswers(_ports[port].Name, own.Count, Since(own[0].Moment), Since(own[^1].Moment)));
            }
            var two = answered.Where(q => uint.PopCount(q.Ports) > 1).Select(q => Since(q.Moment)).ToList();
            var longest = new TimeSpan(silence / NanosecondsPerTick);
            return new OwnerWatchResult(
                _questions.Count,
                answered.Count,
                two,
                longest,
                [.. ports.OrderBy(p => p.First)],
                dropped,
                _notSent
            );
        }
    }

    private TimeSpan Since(long moment) => new((moment - _started) / NanosecondsPerTick);

    private int IndexOf(Port port) =>
        _ports.IndexOf(port) is >= 0 and var index ? index : throw new ArgumentException($"{port.Name} is not watched");
}
