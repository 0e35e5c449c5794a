using System.Net;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Bench;

/// <summary>One repetition of a fault: the first firewall goes and comes back, while a client and an observer watch.</summary>
internal sealed class OutageRound : IDisposable
{
    private const int WarmUp = 300;

    // Answers within the steady time that make a steady flow, of 1,000 datagrams.
    private const int Flowing = 900;
    private static readonly TimeSpan _steady = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(20);

    // A second node that has not shown up by then will not: ucarp's planned hand-over may end before it does.
    private static readonly TimeSpan _handOverLimit = TimeSpan.FromSeconds(10);
    private readonly LabCluster _lab;
    private readonly OutageKind _kind;
    private readonly OutageFault _fault;
    private readonly UdpEcho _echo;
    private readonly OwnerWatch _watch;

    /// <summary>Starts the echo and the observer.</summary>
    public OutageRound(LabCluster lab, OutageKind kind, OutageFault fault)
    {
        (_lab, _kind, _fault) = (lab, kind, fault);
        _echo = new UdpEcho(lab.Topology.Server.Namespace, new IPEndPoint(IPAddress.Parse(Topology.ServerAddress), 0));
        _watch = new OwnerWatch(lab);
    }

    /// <summary>Waits until the first firewall alone is master, and where states are replicated, in sync. Throws <see cref="LabException"/>.</summary>
    public void AwaitWhole() => new Deadline(_limit).Await($"{_kind.Name}: fw1 alone is master", IsWhole);

    /// <summary>Some time into a steady flow, the first firewall goes; until the second one has taken over and the flow is steady.</summary>
    public OutageSample Go(TimeSpan phase) => Measure(isReturn: false, phase, () => _fault.Break(_lab.Nodes[0]), HasMoved);

    /// <summary>The first firewall comes back; until it alone is master and the flow is steady.</summary>
    public OutageSample Return() => Measure(isReturn: true, TimeSpan.Zero, () => _fault.Mend(_lab.Nodes[0]), (_, _) => IsWhole());

    /// <inheritdoc />
    public void Dispose()
    {
        _watch.Dispose();
        _echo.Dispose();
    }

    private bool HasMoved(int since, TimeSpan elapsed) =>
        elapsed >= _fault.Stays && (_watch.HasAnswered(2, since) || elapsed > _handOverLimit);

    private bool IsWhole() => _watch.IsSoleOwner(1) && _kind.IsWhole(_lab);

    private OutageSample Measure(bool isReturn, TimeSpan phase, Action act, Func<int, TimeSpan, bool> isDone)
    {
        using var probe = new UdpProbe(_lab.Topology.Client.Namespace, _echo.EndPoint);
        Deadline.In(10).Await("the client's datagrams are answered", () => probe.Received >= WarmUp);
        Thread.Sleep(phase);
        var since = _watch.Next;
        var clock = new Deadline(_limit);
        act();
        var recovered = WaitUntilSettled(probe, clock, () => isDone(since, clock.Elapsed));
        var watched = clock.Elapsed;
        var (two, none) = (_watch.TwoOwners(since), _watch.NoOwner(since));
        var result = probe.Stop();
        return new OutageSample
        {
            Kind = _kind.Name,
            Fault = _fault.Name,
            IsReturn = isReturn,
            Missing = recovered ? null : $"not recovered within {_limit.TotalSeconds} s",
            OutageMs = result.LongestGap.TotalMilliseconds,
            Lost = result.Lost,
            TwoOwnersMs = two.TotalMilliseconds,
            NoOwnerMs = none.TotalMilliseconds,
            WatchedMs = watched.TotalMilliseconds,
        };
    }

    // What was awaited has come, and since then the flow was steady for a second: a path that moves late is not missed.
    private static bool WaitUntilSettled(UdpProbe probe, Deadline clock, Func<bool> isDone)
    {
        var flow = new Queue<(TimeSpan At, int Received)>();
        var flows = false;
        TimeSpan? since = null;
        while (!clock.HasPassed)
        {
            Thread.Sleep(_poll);
            var (now, received) = (clock.Elapsed, probe.Received);
            flow.Enqueue((now, received));
            while (now - flow.Peek().At > _steady)
                flows = received - flow.Dequeue().Received >= Flowing;
            if (!flows)
                since = null;
            else if (since is null && isDone())
                since = now;
            if (now - since > _steady)
                return true;
        }
        return false;
    }
}
