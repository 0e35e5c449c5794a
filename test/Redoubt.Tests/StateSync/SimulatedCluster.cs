using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>Two or three engines over simulated tables and a network that loses, doubles, reorders and parts, in virtual time.</summary>
internal sealed class SimulatedCluster
{
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);
    private readonly PriorityQueue<(int From, int To, int Link, byte[] Datagram), (long At, long Order)> _wire = new();
    private readonly Queue<(int From, int To, int Link, byte[] Datagram)> _waiting = new();
    private readonly Random _random;
    private long _order;

    public SimulatedCluster(int seed, int nodes, bool isEncrypted = true, int links = 1)
    {
        Links = links;
        Secret = isEncrypted ? new ClusterSecret(new byte[ClusterSecret.Length]) : null;
        _random = new Random(seed);
        Nodes = [.. Enumerable.Range(0, nodes).Select(i => new Node(this, i, nodes))];
    }

    /// <summary>What the next engines made encrypt with.</summary>
    public ClusterSecret? Secret { get; set; }

    /// <summary>All that was given to the network so far, as a listener on it would keep it; null: nothing is kept.</summary>
    public List<(int From, int To, byte[] Datagram)>? Recorded { get; set; }

    /// <summary>What the network, or a fault of the sender, does to the content of a datagram on its way; told who sent it.</summary>
    public Action<int, byte[]>? Spoil { get; set; }

    public Node[] Nodes { get; }

    public Instant Now { get; private set; } = new(1_000_000_000);

    public int LossPercent { get; set; }

    public int Isolated { get; set; } = -1;

    /// <summary>Links between each two nodes.</summary>
    public int Links { get; }

    /// <summary>Whether a link carries nothing from one node to another.</summary>
    public Func<int, int, int, bool> IsCut { get; set; } = (_, _, _) => false;

    /// <summary>The node that nothing reaches, though all hear it; -1: none.</summary>
    public int Deaf { get; set; } = -1;

    /// <summary>The node whose process does not run; what reaches it waits in its socket. -1: none.</summary>
    public int Frozen { get; set; } = -1;

    /// <summary>Frames that nodes made from now on hold.</summary>
    public int MaxHeld { get; set; } = 256;

    /// <summary>Longer datagrams are lost, as behind a link with a smaller MTU.</summary>
    public int LongestDatagram { get; set; } = int.MaxValue;

    public void Run(TimeSpan span, TimeSpan? step = null)
    {
        for (var end = Now + span; Now < end; )
        {
            Now += step ?? Step;
            while (_wire.TryPeek(out var carried, out var due) && due.At <= Now.Nanoseconds)
            {
                _wire.Dequeue();
                if (carried.From != Isolated && carried.To != Isolated)
                    Reach(carried.From, carried.To, carried.Link, carried.Datagram);
            }
            for (var i = 0; i < Nodes.Length; i++)
            {
                if (i != Frozen)
                    Nodes[i].Turn();
            }
        }
    }

    private void Reach(int from, int to, int link, byte[] datagram)
    {
        _waiting.Enqueue((from, to, link, datagram));
        while (_waiting.TryPeek(out var first) && first.To != Frozen)
        {
            _waiting.Dequeue();
            Nodes[first.To].Receive(first.From, first.Link, first.Datagram);
        }
    }

    private void Carry(int from, int to, int link, ReadOnlySpan<byte> datagram)
    {
        Recorded?.Add((from, to, datagram.ToArray()));
        if (from == Isolated || to == Isolated || to == Deaf || IsCut(from, to, link) || datagram.Length > LongestDatagram)
            return;
        for (var copies = LossPercent > 0 && _random.Next(10) == 0 ? 2 : 1; copies > 0; copies--)
        {
            var carried = datagram.ToArray();
            Spoil?.Invoke(from, carried);
            if (_random.Next(100) >= LossPercent)
                _wire.Enqueue((from, to, link, carried), (Now.Nanoseconds + (LossPercent > 0 ? _random.Next(40_000_000) : 1), ++_order));
        }
    }

    internal sealed class Node : IDatagramSink, IHeldFrames
    {
        private readonly SimulatedCluster _cluster;
        private readonly int _number;
        private readonly int _nodes;
        private ulong _life;

        public Node(SimulatedCluster cluster, int number, int nodes)
        {
            (_cluster, _number, _nodes) = (cluster, number, nodes);
            Table = new SimulatedTable(cluster._random) { MissesInScans = true, Now = cluster.Now };
            Engine = Make();
        }

        public SimulatedTable Table { get; }

        public StateSyncEngine Engine { get; private set; }

        /// <summary>Tickets of frames that were let go, in order.</summary>
        public List<int> Released { get; } = [];

        public void Release(int ticket) => Released.Add(ticket);

        /// <summary>Its process began with a kernel that had entries: those nobody else knows are left alone, they may be somebody else's.</summary>
        public bool KeptKernel { get; private set; }

        public void Restart(bool keepsKernel)
        {
            var forwards = Engine.IsForwarding;
            KeptKernel = keepsKernel;
            if (!keepsKernel)
                Table.Clear();
            Table.News.Clear();
            Engine = Make();
            Engine.SetForwarding(_cluster.Now, forwards);
        }

        public void Overrun()
        {
            Table.News.Clear();
            Engine.TakeOverrun(_cluster.Now);
        }

        public void Receive(int from, int link, byte[] datagram) =>
            Engine.Receive(_cluster.Now, from < _number ? from : from - 1, datagram, link);

        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram)
        {
            _cluster.Carry(_number, peer < _number ? peer : peer + 1, link, datagram);
            return true;
        }

        /// <summary>As the loop does it: news first, then the command.</summary>
        public void SetForwarding(bool forwarding)
        {
            ReadNews();
            Engine.SetForwarding(_cluster.Now, forwarding);
        }

        public void Turn()
        {
            Table.Now = _cluster.Now;
            Table.Expire();
            ReadNews();
            Engine.Tick(_cluster.Now);
        }

        public void ReadNews()
        {
            while (Table.News.TryDequeue(out var news))
                Engine.TakeNews(_cluster.Now, news.Kind, news.Entry, EntryParts.All, news.IsEcho);
        }

        private StateSyncEngine Make() =>
            new(
                new StateSyncEngineOptions
                {
                    NodeId = (byte)(_number + 1),
                    Epoch = ((ulong)(_number + 1) << 32) + ++_life,
                    ClockStart = (ulong)_cluster.Now.Nanoseconds / 1000,
                    Seed = (ulong)_cluster._random.NextInt64(),
                    Peers = _nodes - 1,
                    Links = _cluster.Links,
                    Secret = _cluster.Secret,
                    Scope = new StateScope([]),
                    MaxEntries = 4096,
                    LoneWait = TimeSpan.FromSeconds(1),
                    ScanPeriod = TimeSpan.FromSeconds(2),
                    Held = this,
                    MaxHeld = _cluster.MaxHeld,
                },
                Table,
                this,
                _cluster.Now
            );
    }
}
