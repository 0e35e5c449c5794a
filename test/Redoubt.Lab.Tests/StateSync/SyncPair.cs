using System.Diagnostics;
using System.Net;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.StateSync;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>Two namespaces joined by a sync link, each with a state sync of its own over its own kernel table.</summary>
internal sealed class SyncPair : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly List<StateSyncLoop> _loops = [];

    public SyncPair()
    {
        A.Shell("ip", "link add sync type veth peer name peer");
        A.Give("peer", B);
        B.Shell("ip", "link set peer name sync");
        foreach (var (node, address) in new[] { (A, "10.255.0.1/24"), (B, "10.255.0.2/24") })
        {
            node.Shell("ip", $"address add {address} dev sync");
            node.Shell("ip", "link set sync up");
            // A table with a nat chain: without one the kernel would not translate what it is told to.
            node.Run(() => Assert.True(ConntrackSysctl.EnableEvents()));
            node.Feed("nft", "-f -", "table ip t { chain n { type nat hook postrouting priority 100; }; }");
        }
    }

    public ConntrackNamespace A { get; } = new();

    public ConntrackNamespace B { get; } = new();

    public List<string> Events { get; } = [];

    public StateSyncLoop Start(ConntrackNamespace node, bool forwarding, Func<StateSyncOptions, StateSyncOptions>? change = null)
    {
        var isA = node == A;
        var options = new StateSyncOptions
        {
            NodeId = isA ? 1 : 2,
            LocalAddress = IPAddress.Parse(isA ? "10.255.0.1" : "10.255.0.2"),
            Peers = [IPAddress.Parse(isA ? "10.255.0.2" : "10.255.0.1")],
            Device = "sync",
            LoneWait = TimeSpan.FromSeconds(1),
            ScanPeriod = TimeSpan.FromSeconds(1),
        };
        var loop = new StateSyncLoop(change?.Invoke(options) ?? options)
        {
            Event = (kind, message) =>
            {
                lock (Events)
                    Events.Add($"{(isA ? 'A' : 'B')} {kind}: {message}");
            },
        };
        node.Run(loop.Start);
        loop.SetForwarding(forwarding);
        _loops.Add(loop);
        return loop;
    }

    /// <summary>Ends it before the pair's time.</summary>
    public void End(StateSyncLoop loop)
    {
        _loops.Remove(loop);
        loop.Dispose();
    }

    public static void Change(ConntrackNamespace node, Action<ConntrackTable> change) =>
        node.Run(() =>
        {
            using var table = new ConntrackTable();
            change(table);
        });

    public static void Create(ConntrackNamespace node, ConntrackEntry entry) =>
        Change(node, table => Assert.Equal(Errno.None, table.Create(entry)));

    public static ConntrackEntry? Get(ConntrackNamespace node, ConntrackTuple original)
    {
        ConntrackEntry? found = null;
        Change(
            node,
            table =>
            {
                if (table.TryGet(original, isReply: false, out var entry))
                    found = entry;
            }
        );
        return found;
    }

    public static int Count(ConntrackNamespace node, byte protocol)
    {
        var count = 0;
        Change(
            node,
            table =>
                table.Dump(
                    (in e) =>
                    {
                        count += e.Original.Protocol == protocol && e.Original.DestinationPort != 7240 ? 1 : 0;
                        return true;
                    }
                )
        );
        return count;
    }

    /// <summary>Waits until it is so, and fails the test when it does not become so in time.</summary>
    public void Until(string what, Func<bool> isSo)
    {
        var clock = Stopwatch.StartNew();
        while (!isSo())
        {
            if (clock.Elapsed > Limit)
                Assert.Fail($"not within {Limit.TotalSeconds} s: {what}\n{Describe()}");
            Thread.Sleep(5);
        }
    }

    public void UntilInSync() => Until("in sync", () => _loops.All(l => l.Snapshot() is { IsReady: true } s && s.Peers[0].IsInSync));

    public static long Counter(StateSyncLoop loop, string name) => loop.Snapshot().Counters.Single(c => c.Key == name).Value;

    public string Describe()
    {
        lock (Events)
        {
            return string.Join('\n', Events)
                + "\n"
                + string.Join(
                    '\n',
                    _loops.Select(l =>
                    {
                        var s = l.Snapshot();
                        return $"ready {s.IsReady} entries {s.Entries} own {s.OwnedEntries} {s.Peers[0]} "
                            + string.Join(' ', s.Counters.Where(c => c.Value != 0).Select(c => $"{c.Key}={c.Value}"));
                    })
                );
        }
    }

    public void Dispose()
    {
        foreach (var loop in _loops)
            loop.Dispose();
        A.Dispose();
        B.Dispose();
    }
}
