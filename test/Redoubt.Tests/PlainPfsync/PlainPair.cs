using System.Net;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;
using Redoubt.Tests.StateSync;

namespace Redoubt.Tests.PlainPfsync;

/// <summary>Nodes that speak plain pfsync over a wire that may lose packets, each with a table of connections, in virtual time.</summary>
internal sealed class PlainPair
{
    private static readonly TimeSpan _step = TimeSpan.FromMilliseconds(10);
    private readonly Queue<(int From, byte[] Packet)> _wire = new();

    public PlainPair(PfFormat format, int nodes = 2)
    {
        Format = format;
        Nodes = [.. Enumerable.Range(0, nodes).Select(i => new Node(this, i))];
        Nodes[0].Engine.SetForwarding(Now, true);
    }

    public PfFormat Format { get; }

    public Node[] Nodes { get; }

    public Node First => Nodes[0];

    public Node Second => Nodes[1];

    public Instant Now { get; private set; } = new(1_000_000_000);

    /// <summary>Which packets the wire loses.</summary>
    public Func<byte[], bool> Loses { get; set; } = _ => false;

    /// <summary>Everything that was sent.</summary>
    public List<(int From, byte[] Packet)> Sent { get; } = [];

    public void Run(TimeSpan span)
    {
        for (var end = Now + span; Now < end; )
        {
            Now += _step;
            foreach (var node in Nodes)
                node.Turn();
            while (_wire.TryDequeue(out var carried))
            {
                if (Loses(carried.Packet))
                    continue;
                foreach (var node in Nodes.Where(n => n.Number != carried.From && !n.IsDown))
                    node.Engine.Receive(Now, 0, 0, 255, carried.Packet);
            }
        }
    }

    /// <summary>The kinds of messages in a packet.</summary>
    public List<PfKind> Kinds(byte[] packet)
    {
        var kinds = new List<PfKind>();
        var reader = new PfPacketReader(packet, Format.Flavour, 255);
        while (reader.MoveSection())
        while (reader.MoveMessage())
            kinds.Add(reader.Action.Kind);
        Assert.Equal(PfRejection.None, reader.Rejection);
        return kinds;
    }

    public static ConntrackTuple Tuple(byte protocol, string source, int sourcePort, string destination, int destinationPort) =>
        new()
        {
            Family = source.Contains(':', StringComparison.Ordinal) ? (byte)10 : (byte)2,
            Protocol = protocol,
            Source = IpAddressValue.From(IPAddress.Parse(source)),
            SourcePort = (ushort)sourcePort,
            Destination = IpAddressValue.From(IPAddress.Parse(destination)),
            DestinationPort = (ushort)destinationPort,
        };

    /// <summary>A TCP connection through source and destination translation.</summary>
    public static ConntrackEntry Translated(byte tcpState = 3, int port = 4000) =>
        new()
        {
            Original = Tuple(6, "10.0.0.5", port, "192.0.2.1", 80),
            Reply = Tuple(6, "10.1.0.7", 8080, "198.51.100.1", port + 20_000),
            Status = ConntrackEntry.StatusConfirmed | (tcpState >= 3 ? ConntrackEntry.StatusAssured | ConntrackEntry.StatusSeenReply : 0),
            HasTcp = true,
            TcpState = tcpState,
            TimeoutSeconds = 400,
        };

    internal sealed class Node : IDatagramSink
    {
        private readonly PlainPair _pair;

        public Node(PlainPair pair, int number)
        {
            (_pair, Number) = (pair, number);
            Table = new SimulatedTable(new Random(number)) { Now = pair.Now };
            Engine = Make();
        }

        public int Number { get; }

        public SimulatedTable Table { get; private set; }

        public PlainPfsyncEngine Engine { get; private set; }

        public bool IsDown { get; set; }

        /// <summary>The kernel's one entry, where it has exactly one.</summary>
        public ConntrackEntry Only => Assert.Single(Table.Entries);

        public void Restart()
        {
            Table = new SimulatedTable(new Random(Number)) { Now = _pair.Now };
            Engine = Make();
            IsDown = false;
        }

        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram)
        {
            Assert.InRange(datagram.Length, PfPacketReader.HeaderLength, 1460);
            _pair.Sent.Add((Number, datagram.ToArray()));
            _pair._wire.Enqueue((Number, datagram.ToArray()));
            return true;
        }

        public void Turn()
        {
            if (IsDown)
                return;
            Table.Now = _pair.Now;
            Table.Expire();
            while (Table.News.TryDequeue(out var news))
                Engine.TakeNews(_pair.Now, news.Kind, news.Entry, EntryParts.All, news.IsEcho);
            Engine.Tick(_pair.Now);
        }

        private PlainPfsyncEngine Make() =>
            new(
                new PlainPfsyncOptions
                {
                    HostId = 0xaa00_0000 + (uint)Number,
                    FirstId = (ulong)(_pair.Now.Nanoseconds / 1000),
                    Peers = [_pair.Format],
                    Scope = new StateScope([]),
                },
                Table,
                this,
                _pair.Now
            );
    }
}
