using System.Diagnostics;
using System.Globalization;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;
using Redoubt.Linux.Conntrack;

namespace Redoubt.Lab.Bench.States;

/// <summary>
/// What it costs to replicate states, and how fast it goes, for one kind of pair in the lab: flows are opened through the first firewall, and the second one's
/// kernel is asked for them.
/// </summary>
internal sealed class StateBench(StateKind kind, StateResults results, IReadOnlyList<string> parts, Action<string> note) : IDisposable
{
    /// <summary>What can be measured alone.</summary>
    public static readonly IReadOnlyList<string> Parts = ["cost", "latency", "bulk", "rate"];

    private const int CostStates = 100_000;
    private const int OwnFlows = 20;
    private const int WarmUpStates = 30_000;
    private const double CostRate = 20_000;
    private const int BulkStates = 200_000;
    private const int LatencySamples = 400;
    private const double Ladder = 1.25;
    private static readonly TimeSpan _upLimit = TimeSpan.FromSeconds(60);
    private LabCluster? _lab;
    private NewFlows? _flows;

    /// <summary>Everything once.</summary>
    public void Run()
    {
        if (parts.Contains("cost"))
            Repeated(Cost);
        if (parts.Contains("latency"))
        {
            Repeated(() => Latency("idle", 0));
            Repeated(() => Latency("busy", 10_000));
        }
        if (parts.Contains("bulk"))
            Repeated(Bulk);
        if (parts.Contains("rate"))
        {
            Climb("udpRate", tcp: false, 25_000);
            Climb("tcpRate", tcp: true, 10_000);
        }
    }

    public void Dispose()
    {
        _flows?.Dispose();
        _lab?.Dispose();
    }

    private LabCluster Lab => _lab!;

    private Place First => Lab.Nodes[0].Place;

    private Place Second => Lab.Nodes[1].Place;

    // Each in a lab of its own: what one leaves behind must not weigh on the next.
    private void Repeated(Action part)
    {
        Rebuild();
        part();
    }

    private void Rebuild()
    {
        Dispose();
        Tool.Require(kind.Cluster.Programs);
        _lab = new LabCluster(new LabOptions { Nodes = [kind.Make(), kind.Make()], IPv6 = false });
        Lab.StartAll();
        new Deadline(_upLimit).Await($"{kind.Name}: fw1 is master and in sync", () => kind.Cluster.IsWhole(Lab));
        foreach (var node in Lab.Nodes)
        {
            node.Place.SetSysctl("netfilter/nf_conntrack_udp_timeout", 600);
            node.Place.SetSysctl("netfilter/nf_conntrack_tcp_timeout_established", 600);
        }
        if (!Lab.Topology.Client.Pings(Topology.ServerAddress))
            throw new LabException($"{kind.Name}: the server is not reached");
        _flows = new NewFlows(Lab.Topology);
    }

    private void Note(string measure, double value)
    {
        results.Figures.Add(new StateFigure(kind.Name, measure, value));
        note(string.Create(CultureInfo.InvariantCulture, $"{kind.Name} {measure} {value:0.###}"));
    }

    private void Cost()
    {
        // To warm up: a firewall's programs have run for longer than a second.
        _flows!.Open(WarmUpStates, CostRate);
        AwaitAll(_flows.Opened, TimeSpan.FromSeconds(10));
        Thread.Sleep(1000);
        var before = (Cpu(0), Cpu(1), Sent());
        _flows.Open(CostStates, CostRate);
        AwaitAll(_flows.Opened, TimeSpan.FromSeconds(10));
        var (send, receive) = (Cpu(0) - before.Item1, Cpu(1) - before.Item2);
        Note("cpuSend", send);
        Note("cpuReceive", receive);
        Note("cpu", send + receive);
        Note("bytes", (Sent() - before.Item3) / (double)CostStates);
    }

    // The sender says nothing of how long a state took: the other kernel is asked for it until it has it.
    private void Latency(string name, double load)
    {
        using var stop = new CancellationTokenSource();
        var background = load > 0 ? new Thread(() => Flood(load, stop.Token)) : null;
        var samples = new List<double>();
        using var probe = new PacketBatch(Lab.Topology.Client, Topology.ClientAddress, Topology.ServerAddress);
        background?.Start();
        Second.Run(() =>
        {
            using var table = new ConntrackTable();
            for (ushort number = 0; number < LatencySamples + 50; number++)
            {
                var tuple = new ConntrackTuple
                {
                    Family = 2,
                    Protocol = 17,
                    Source = IpAddressValue.From(System.Net.IPAddress.Parse(Topology.ClientAddress)),
                    Destination = IpAddressValue.From(System.Net.IPAddress.Parse(Topology.ServerAddress)),
                    SourcePort = (ushort)(2000 + number),
                    DestinationPort = 999,
                };
                probe.AddUdp(tuple.SourcePort, 999);
                var start = Stopwatch.GetTimestamp();
                probe.Send();
                while (!table.TryGet(tuple, isReply: false, out _))
                {
                    if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(2))
                        break;
                }
                if (number >= 50)
                    samples.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                Thread.Sleep(2);
            }
        });
        stop.Cancel();
        background?.Join();
        samples.Sort();
        Note($"{name}50", samples[samples.Count / 2]);
        Note($"{name}99", samples[samples.Count * 99 / 100]);
    }

    private void Flood(double rate, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && _flows!.Opened < 150_000)
            _flows.Open(500, rate);
    }

    private void Bulk()
    {
        Lab.Nodes[1].Stop();
        _flows!.Open(BulkStates, 30_000);
        Second.TryExecute("conntrack", "-F");
        // What the generator lost on its way is nobody's to replicate.
        var target = Math.Min(BulkStates, Count(First) - OwnFlows);
        Lab.Nodes[1].Start();
        StateKind.AskForBulk(Lab.Nodes[1]);
        var deadline = Deadline.In(30);
        while (Count(Second) < 100 && !deadline.HasPassed)
            Thread.SpinWait(2000);
        var clock = Stopwatch.StartNew();
        while (Count(Second) < target && !deadline.HasPassed)
            Thread.Sleep(1);
        if (Count(Second) < target)
            note($"{kind.Name}: only {Count(Second)} of {target} states arrived within 30 s");
        else
            Note("bulk", clock.Elapsed.TotalSeconds);
        Note("rssSend", Rss(0));
        Note("rssReceive", Rss(1));
    }

    // Faster and faster, until twice in a row something is missing a second after the last packet, or the generator itself does not get faster.
    private void Climb(string measure, bool tcp, double rate)
    {
        var best = 0.0;
        for (var misses = 0; rate < 400_000 && misses < 2; rate *= Ladder)
        {
            Rebuild();
            var count = (int)Math.Min(200_000, rate * 2);
            var took = _flows!.Open(count, rate, tcp);
            var isAll = TryAwaitAll(count, TimeSpan.FromSeconds(1)) && (!tcp || Established() >= Math.Min(count, Count(First) - OwnFlows));
            var reached = count / took.TotalSeconds;
            note(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{kind.Name} {measure}: {reached:0}/s of {rate:0}/s: {(isAll ? "all" : "lost")}"
                )
            );
            misses = isAll && reached > best ? 0 : misses + 1;
            if (isAll)
                best = Math.Max(best, reached);
        }
        Note(measure, best);
    }

    private int Established()
    {
        var count = 0;
        Second.Run(() =>
        {
            using var table = new ConntrackTable();
            table.Dump(
                (in ConntrackEntry e) =>
                {
                    count += e is { TcpState: 3, Original.Protocol: 6 } ? 1 : 0;
                    return true;
                }
            );
        });
        return count;
    }

    private void AwaitAll(int count, TimeSpan limit)
    {
        if (!TryAwaitAll(count, limit))
            throw new LabException($"{kind.Name}: {Count(Second)} states of {count} at the second node, {Count(First)} at the first");
    }

    private bool TryAwaitAll(int count, TimeSpan limit)
    {
        // What a busy machine did not bring to the first firewall is no state that could be lost. Each node has a few flows of its own.
        for (var deadline = new Deadline(limit); Count(Second) < Math.Min(count, Count(First) - OwnFlows); )
        {
            if (deadline.HasPassed)
                return false;
            Thread.Sleep(2);
        }
        return true;
    }

    private static int Count(Place place) => place.Sysctl("netfilter/nf_conntrack_count") ?? 0;

    private double Cpu(int node)
    {
        // proc(5): fields 14 and 15, in hundredths of a second, are counted behind the name in brackets.
        var stat = File.ReadAllText($"/proc/{kind.Process(Lab.Nodes[node])}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;
    }

    private double Rss(int node)
    {
        var line = File.ReadLines($"/proc/{kind.Process(Lab.Nodes[node])}/status")
            .Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1000;
    }

    private long Sent() =>
        First.Run(() =>
            File.ReadLines("/proc/thread-self/net/dev")
                .Select(l => l.Split((char[])[' ', ':'], StringSplitOptions.RemoveEmptyEntries))
                .Where(f => f[0] == "sync0")
                .Select(f => long.Parse(f[9], CultureInfo.InvariantCulture))
                .Single()
        );
}
