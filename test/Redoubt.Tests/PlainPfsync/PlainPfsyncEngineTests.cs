using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;
using Redoubt.Tests.StateSync;

namespace Redoubt.Tests.PlainPfsync;

public sealed class PlainPfsyncEngineTests
{
    private static readonly TimeSpan _moment = TimeSpan.FromMilliseconds(100);

    private static IEnumerable<PfFormat> Formats => [PfFormat.FreeBsd1301, PfFormat.FreeBsd1400, PfFormat.FreeBsd1500, PfFormat.OpenBsd];

    private static PlainPair Started(PfFormat? format = null)
    {
        var pair = new PlainPair(format ?? PfFormat.FreeBsd1400);
        pair.Run(TimeSpan.FromSeconds(5));
        Assert.All(pair.Nodes, n => Assert.True(n.Engine.IsReady, n.Engine.ReadyReason));
        return pair;
    }

    private static byte[] Packet(PfFormat format, Action<PacketBuilder> write)
    {
        var builder = new PacketBuilder(format);
        write(builder);
        return builder.Finish();
    }

    private sealed class PacketBuilder(PfFormat format)
    {
        private readonly byte[] _buffer = new byte[1460];
        private PfPacketWriter _writer = new(new byte[1460], format.Flavour, 1460);
        private bool _isBegun;

        public void Add(PfKind kind, Action<byte[]> write)
        {
            if (!_isBegun)
                _writer = new PfPacketWriter(_buffer, format.Flavour, 1460);
            _isBegun = true;
            var action = PfAction.Of(format.Flavour, kind, kind is PfKind.Insert or PfKind.Update ? format.Layout : null)!;
            var message = new byte[action.Size];
            write(message);
            message.CopyTo(_writer.Append(_buffer, action));
        }

        public byte[] Finish() => _buffer.AsSpan(0, _writer.Finish(_buffer)).ToArray();
    }

    private static PfState State(in ConntrackEntry entry, bool isOut, PfFormat format, ulong id, byte source = 4, byte destination = 4)
    {
        var half = new PfHalf
        {
            Reference = new PfReference(id, 0xbbbb_0001),
            Source = new PfPeer { State = source, SequenceLow = 5000 },
            Destination = new PfPeer { State = destination, SequenceLow = 9000 },
            Interface = PfName.All,
        };
        PfStateMap.Write(entry, half, isOut, format, out var state);
        state.Timeout = 2;
        state.Expire = 300;
        return state;
    }

    [Fact]
    public void A_translated_connection_is_two_states_and_one_entry_in_every_format()
    {
        foreach (var format in Formats)
        {
            var pair = Started(format);
            pair.First.Table.Put(PlainPair.Translated(), isEcho: false);
            pair.Run(_moment);
            Assert.Equal(2, pair.Sent.SelectMany(s => pair.Kinds(s.Packet)).Count(k => k == PfKind.Insert));
            var (mine, copy) = (pair.First.Only, pair.Second.Only);
            Assert.Equal((mine.Original, mine.Reply, (byte)3), (copy.Original, copy.Reply, copy.TcpState));
            Assert.True((copy.TcpFlagsOriginal & ConntrackEntry.TcpFlagBeLiberal) != 0);
            Assert.Equal(0, pair.Second.Engine.OwnedCount);
            Assert.Equal(1, pair.First.Engine.OwnedCount);

            pair.First.Table.Change(pair.First.Only with { TcpState = 7 }, isEcho: false);
            pair.Run(_moment);
            Assert.Equal(7, pair.Second.Only.TcpState);
            Assert.Equal(0, pair.Second.Engine.Counters.StatesStale);

            pair.First.Table.Remove(mine.Original, 0, isEcho: false);
            pair.Run(_moment);
            Assert.Empty(pair.Second.Table.Entries);
            Assert.Equal((0, 0), (pair.First.Engine.Count, pair.Second.Engine.Count));
        }
    }

    [Fact]
    public void Every_protocol_arrives_as_it_is()
    {
        foreach (var format in Formats)
        {
            var pair = Started(format);
            ConntrackEntry[] entries =
            [
                new() { Original = PlainPair.Tuple(17, "10.0.0.5", 53000, "10.1.0.7", 53) },
                new() { Original = PlainPair.Tuple(17, "fd00:1::5", 53000, "fd00:2::7", 53) },
                new() { Original = PlainPair.Tuple(1, "10.0.0.5", 77, "10.1.0.7", 8 << 8) },
                new() { Original = PlainPair.Tuple(58, "fd00:1::5", 78, "fd00:2::7", 128 << 8) },
                new() { Original = PlainPair.Tuple(50, "10.0.0.5", 0, "10.1.0.7", 0) },
                new() { Original = PlainPair.Tuple(47, "10.0.0.5", 0, "10.1.0.7", 0) },
            ];
            foreach (var entry in entries)
                pair.First.Table.Put(
                    entry with
                    {
                        Reply = PfStateMap.Mirror(entry.Original),
                        Status = ConntrackEntry.StatusConfirmed | ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured,
                        TimeoutSeconds = 60,
                    },
                    isEcho: false
                );
            // ICMP that is source-translated: the id changes with it.
            pair.First.Table.Put(
                new ConntrackEntry
                {
                    Original = PlainPair.Tuple(1, "10.0.0.6", 80, "10.1.0.7", 8 << 8),
                    Reply = PlainPair.Tuple(1, "10.1.0.7", 4080, "198.51.100.1", 0),
                    TimeoutSeconds = 30,
                },
                isEcho: false
            );
            pair.Run(_moment);
            Assert.Equal(
                pair.First.Table.Entries.Select(e => (e.Original, e.Reply)).ToHashSet(),
                pair.Second.Table.Entries.Select(e => (e.Original, e.Reply)).ToHashSet()
            );
            Assert.All(
                pair.Second.Table.Entries.Where(e => e.Original.Protocol == 17),
                e => Assert.True((e.Status & ConntrackEntry.StatusAssured) != 0)
            );
        }
    }

    [Fact]
    public void A_node_that_comes_later_gets_everything_by_a_bulk()
    {
        var pair = Started();
        pair.Second.IsDown = true;
        for (var i = 0; i < 300; i++)
            pair.First.Table.Put(PlainPair.Translated(port: 5000 + i), isEcho: false);
        pair.Run(TimeSpan.FromSeconds(1));
        pair.Second.Restart();
        pair.Run(TimeSpan.FromSeconds(2));
        Assert.Equal(300, pair.Second.Table.Count);
        Assert.Equal("done", pair.Second.Engine.Peer(0).Bulk);
        Assert.Equal(1, pair.First.Engine.Counters.BulksSent - 1);
        Assert.True(pair.Second.Engine.IsReady);
    }

    [Fact]
    public void A_bulk_whose_answers_are_lost_is_asked_for_again_and_given_up_in_the_end()
    {
        var pair = new PlainPair(PfFormat.FreeBsd1400);
        pair.Loses = packet => pair.Kinds(packet).Contains(PfKind.Bulk);
        pair.Run(TimeSpan.FromSeconds(12));
        // At once, three times more a second apart, then every 5 s.
        Assert.Equal(5, pair.Sent.Count(s => s.From == 1 && pair.Kinds(s.Packet).Contains(PfKind.UpdateRequest)));
        Assert.False(pair.Second.Engine.IsReady);
        pair.Run(TimeSpan.FromSeconds(80));
        Assert.True(pair.Second.Engine.IsReady);
        Assert.Equal("failed", pair.Second.Engine.Peer(0).Bulk);
        Assert.Equal(12, pair.Sent.Count(s => s.From == 1 && pair.Kinds(s.Packet).Contains(PfKind.UpdateRequest)));
    }

    [Fact]
    public void A_lost_insertion_is_asked_for_when_its_update_comes_and_only_once()
    {
        var pair = Started();
        pair.Loses = packet => pair.Kinds(packet).Contains(PfKind.Insert);
        pair.First.Table.Put(PlainPair.Translated(tcpState: 1), isEcho: false);
        pair.Run(_moment);
        Assert.Empty(pair.Second.Table.Entries);
        var before = pair.Second.Engine.Counters.AsksSent;

        pair.First.Table.Change(pair.First.Only with { TcpState = 3 }, isEcho: false);
        pair.Run(_moment);
        Assert.Equal(3, pair.Second.Only.TcpState);
        // One for each of its two states.
        Assert.Equal(before + 2, pair.Second.Engine.Counters.AsksSent);
    }

    [Fact]
    public void Living_flows_are_refreshed_and_dead_peers_states_run_out()
    {
        var pair = Started();
        var udp = new ConntrackEntry
        {
            Original = PlainPair.Tuple(17, "10.0.0.5", 1000, "10.1.0.7", 53),
            Reply = PlainPair.Tuple(17, "10.1.0.7", 53, "10.0.0.5", 1000),
            Status = ConntrackEntry.StatusConfirmed | ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured,
            TimeoutSeconds = 120,
        };
        pair.First.Table.Put(udp, isEcho: false);
        for (var i = 0; i < 60; i++)
        {
            pair.First.Table.Touch(udp.Original, 120);
            pair.Run(TimeSpan.FromSeconds(10));
            Assert.Single(pair.Second.Table.Entries);
        }
        pair.First.IsDown = true;
        pair.Run(TimeSpan.FromSeconds(200));
        Assert.Empty(pair.Second.Table.Entries);
        Assert.Equal(0, pair.Second.Engine.Count);
    }

    [Fact]
    public void Two_that_forward_do_not_keep_each_others_copies_alive()
    {
        var pair = Started();
        pair.Second.Engine.SetForwarding(pair.Now, true);
        var udp = new ConntrackEntry
        {
            Original = PlainPair.Tuple(17, "10.0.0.5", 1000, "10.1.0.7", 53),
            Reply = PlainPair.Tuple(17, "10.1.0.7", 53, "10.0.0.5", 1000),
            Status = ConntrackEntry.StatusConfirmed | ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured,
            TimeoutSeconds = 120,
        };
        pair.First.Table.Put(udp, isEcho: false);
        pair.Run(TimeSpan.FromSeconds(300));
        Assert.Empty(pair.First.Table.Entries);
        Assert.Empty(pair.Second.Table.Entries);
    }

    [Fact]
    public void After_a_take_over_the_new_forwarder_tells_and_the_old_one_listens()
    {
        var pair = Started();
        pair.First.Table.Put(PlainPair.Translated(), isEcho: false);
        pair.Run(_moment);
        var reference = pair.Sent.SelectMany(s => References(pair.Format, s.Packet)).First();

        pair.First.Engine.SetForwarding(pair.Now, false);
        pair.Second.Engine.SetForwarding(pair.Now, true);
        pair.Run(_moment);
        pair.Second.Table.Change(pair.Second.Only with { TcpState = 4 }, isEcho: false);
        pair.Run(_moment);
        Assert.Equal(4, pair.First.Only.TcpState);
        // Under the name that the creator gave it.
        var (_, last) = pair.Sent.Last(s => s.From == 1);
        Assert.Contains(References(pair.Format, last), r => r == reference);

        pair.Second.Table.Remove(pair.Second.Only.Original, 0, isEcho: false);
        pair.Run(_moment);
        Assert.Empty(pair.First.Table.Entries);
    }

    [Fact]
    public void Who_forwards_lets_no_peer_end_a_connection()
    {
        var pair = Started();
        pair.First.Table.Put(PlainPair.Translated(), isEcho: false);
        pair.Run(_moment);
        var reference = pair.Sent.SelectMany(s => References(pair.Format, s.Packet)).First();
        var packet = Packet(
            pair.Format,
            p =>
            {
                p.Add(PfKind.DeleteCompressed, m => reference.Write(m));
                p.Add(PfKind.DeleteCompressed, m => new PfReference(reference.Id | 1, reference.Creator).Write(m));
                p.Add(PfKind.Clear, m => new PfClear { Creator = reference.Creator }.Write(m));
            }
        );
        pair.First.Engine.Receive(pair.Now, 0, 0, 255, packet);
        pair.Run(_moment);
        Assert.Single(pair.First.Table.Entries);

        // The backup does as it is told.
        pair.Second.Engine.Receive(pair.Now, 0, 0, 255, packet);
        Assert.Empty(pair.Second.Table.Entries);
    }

    [Fact]
    public void A_stale_update_is_answered_with_what_is_known_and_changes_nothing()
    {
        var pair = Started();
        pair.First.Table.Put(PlainPair.Translated(tcpState: 3), isEcho: false);
        pair.Run(_moment);
        var reference = pair.Sent.SelectMany(s => References(pair.Format, s.Packet)).First();
        pair.Sent.Clear();
        var late = Packet(
            pair.Format,
            p =>
                p.Add(
                    PfKind.UpdateCompressed,
                    m =>
                        new PfUpdate
                        {
                            Id = reference.Id,
                            Creator = reference.Creator,
                            Source = new PfPeer { State = 2 },
                            Destination = new PfPeer { State = 0 },
                        }.Write(m, pair.Format.Flavour)
                )
        );
        pair.Second.Engine.Receive(pair.Now, 0, 0, 255, late);
        pair.Second.Engine.Receive(pair.Now, 0, 0, 255, late);
        pair.Run(_moment);
        Assert.Equal(3, pair.Second.Only.TcpState);
        Assert.Equal(2, pair.Second.Engine.Counters.StatesStale);
        // Its two states once, however often the stale word comes.
        Assert.Equal(2, pair.Sent.Where(s => s.From == 1).SelectMany(s => pair.Kinds(s.Packet)).Count(k => k == PfKind.UpdateCompressed));
    }

    [Fact]
    public void Halves_join_in_either_order_and_one_alone_is_put_in_after_a_while()
    {
        var entry = PlainPair.Translated();
        foreach (var format in Formats)
        foreach (var first in new[] { true, false })
        {
            var pair = Started(format);
            void Tell(bool isOut, ulong id) =>
                pair.Second.Engine.Receive(
                    pair.Now,
                    0,
                    0,
                    255,
                    Packet(format, p => p.Add(PfKind.Insert, m => format.Layout.Write(m, State(entry, isOut, format, id))))
                );
            Tell(first, 1);
            pair.Run(_moment);
            Assert.Empty(pair.Second.Table.Entries);
            Tell(!first, 2);
            Assert.Equal((entry.Original, entry.Reply), (pair.Second.Only.Original, pair.Second.Only.Reply));
        }
        var alone = Started();
        alone.Second.Engine.Receive(
            alone.Now,
            0,
            0,
            255,
            Packet(alone.Format, p => p.Add(PfKind.Insert, m => alone.Format.Layout.Write(m, State(entry, false, alone.Format, 1))))
        );
        alone.Run(TimeSpan.FromSeconds(2));
        Assert.Equal(entry.Original, alone.Second.Only.Original);
        Assert.Equal(entry.Reply.Source, alone.Second.Only.Reply.Source);
        // Then the other comes: translated to the far side too, and the kernel's entry is replaced.
        alone.Second.Engine.Receive(
            alone.Now,
            0,
            0,
            255,
            Packet(alone.Format, p => p.Add(PfKind.Insert, m => alone.Format.Layout.Write(m, State(entry, true, alone.Format, 2))))
        );
        Assert.Equal(entry.Reply, alone.Second.Only.Reply);
    }

    [Fact]
    public void A_connection_whose_numbers_its_creator_changes_is_known_and_not_put_in()
    {
        var pair = Started();
        var state = State(PlainPair.Translated(), false, pair.Format, 1);
        state.Source.SequenceDifference = 99;
        var proxied = State(PlainPair.Translated(port: 4001), false, pair.Format, 3, source: 11, destination: 2);
        foreach (var told in new[] { state, proxied })
            pair.Second.Engine.Receive(
                pair.Now,
                0,
                0,
                255,
                Packet(pair.Format, p => p.Add(PfKind.Insert, m => pair.Format.Layout.Write(m, told)))
            );
        pair.Run(TimeSpan.FromSeconds(3));
        Assert.Empty(pair.Second.Table.Entries);
        Assert.Equal(2, pair.Second.Engine.Count);
        Assert.Equal(2, pair.Second.Engine.NotPortable);
    }

    [Fact]
    public void An_insertion_that_holds_a_packet_is_acknowledged_at_once()
    {
        var pair = Started();
        pair.Sent.Clear();
        var state = State(PlainPair.Translated(), false, pair.Format, 77);
        state.Flags = PfState.FlagAck;
        pair.Second.Engine.Receive(
            pair.Now,
            0,
            0,
            255,
            Packet(pair.Format, p => p.Add(PfKind.Insert, m => pair.Format.Layout.Write(m, state)))
        );
        pair.Second.Turn();
        Assert.Contains(pair.Sent, s => s.From == 1 && pair.Kinds(s.Packet).Contains(PfKind.InsertAck));

        // What a node of ours sends asks for none: it cannot hold packets.
        pair.First.Table.Put(PlainPair.Translated(port: 4100), isEcho: false);
        pair.Sent.Clear();
        pair.Run(_moment);
        Assert.DoesNotContain(pair.Sent, s => pair.Kinds(s.Packet).Contains(PfKind.InsertAck));
    }

    [Fact]
    public void A_clear_takes_one_creators_states_and_no_others()
    {
        var pair = Started();
        pair.First.Table.Put(PlainPair.Translated(), isEcho: false);
        pair.Run(_moment);
        var other = PlainPair.Translated(port: 4500);
        pair.Second.Engine.Receive(
            pair.Now,
            0,
            0,
            255,
            Packet(
                pair.Format,
                p =>
                {
                    p.Add(PfKind.Insert, m => pair.Format.Layout.Write(m, State(other, false, pair.Format, 1)));
                    p.Add(PfKind.Insert, m => pair.Format.Layout.Write(m, State(other, true, pair.Format, 2)));
                }
            )
        );
        Assert.Equal(2, pair.Second.Table.Count);
        pair.Second.Engine.Receive(
            pair.Now,
            0,
            0,
            255,
            Packet(pair.Format, p => p.Add(PfKind.Clear, m => new PfClear { Creator = 0xbbbb_0001 }.Write(m)))
        );
        Assert.NotEqual(other.Original, pair.Second.Only.Original);

        // One of another interface only is not ours either.
        var wan = default(PfName);
        "wan0"u8.CopyTo(wan);
        pair.Second.Engine.Receive(
            pair.Now,
            0,
            0,
            255,
            Packet(pair.Format, p => p.Add(PfKind.Clear, m => new PfClear { Creator = 0xaa00_0000, Interface = wan }.Write(m)))
        );
        Assert.Single(pair.Second.Table.Entries);
    }

    [Fact]
    public void Packets_that_passed_a_router_or_come_from_strangers_are_counted_and_nothing_else()
    {
        var pair = Started();
        var packet = Packet(
            pair.Format,
            p => p.Add(PfKind.Insert, m => pair.Format.Layout.Write(m, State(PlainPair.Translated(), false, pair.Format, 1)))
        );
        pair.Second.Engine.Receive(pair.Now, 0, 0, 254, packet);
        pair.Second.Engine.Receive(pair.Now, -1, 0, 255, packet);
        packet[0] = 6;
        pair.Second.Engine.Receive(pair.Now, 0, 0, 255, packet);
        Assert.Equal(0, pair.Second.Engine.Count);
        Assert.Equal(1, pair.Second.Engine[PfRejection.BadTtl]);
        Assert.Equal(1, pair.Second.Engine[PfRejection.BadSource]);
        Assert.Equal(1, pair.Second.Engine[PfRejection.BadVersion]);
    }

    [Fact]
    public void No_bytes_break_the_engine() =>
        Seeds.ForEach(
            100,
            seed =>
            {
                var random = new Random(seed);
                var format = Formats.ElementAt(random.Next(4));
                var pair = Started(format);
                for (var i = 0; i < 50; i++)
                {
                    var entry = PlainPair.Translated(port: 4000 + random.Next(3));
                    var packet = Packet(
                        format,
                        p =>
                        {
                            var state = State(
                                entry,
                                random.Next(2) == 0,
                                format,
                                (ulong)random.Next(4),
                                (byte)random.Next(13),
                                (byte)random.Next(13)
                            );
                            p.Add(random.Next(2) == 0 ? PfKind.Insert : PfKind.Update, m => format.Layout.Write(m, state));
                            p.Add(PfKind.DeleteCompressed, m => new PfReference((ulong)random.Next(4), 0xbbbb_0001).Write(m));
                        }
                    );
                    for (var n = random.Next(4); n > 0; n--)
                        packet[random.Next(packet.Length)] = (byte)random.Next(256);
                    foreach (var node in pair.Nodes)
                        node.Engine.Receive(pair.Now, 0, 0, 255, packet);
                    pair.Run(TimeSpan.FromMilliseconds(random.Next(3000)));
                }
                Assert.InRange(pair.Second.Engine.Count, 0, 400);
            }
        );

    [Fact]
    public void More_than_the_store_holds_is_counted()
    {
        var table = new SimulatedTable(new Random(1));
        var engine = new PlainPfsyncEngine(
            new PlainPfsyncOptions
            {
                HostId = 1,
                FirstId = 1,
                Peers = [PfFormat.FreeBsd1400],
                Scope = new StateScope([]),
                MaxEntries = 10,
            },
            table,
            new Nowhere(),
            default
        );
        engine.SetForwarding(default, true);
        for (var i = 0; i < 15; i++)
            engine.TakeNews(default, TableNews.New, PlainPair.Translated(port: 4000 + i), EntryParts.All, isEcho: false);
        Assert.Equal(10, engine.Count);
        Assert.Equal(5, engine.Counters.StoreFull);
    }

    private sealed class Nowhere : IDatagramSink
    {
        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram) => false;
    }

    private static List<PfReference> References(PfFormat format, byte[] packet)
    {
        var references = new List<PfReference>();
        var reader = new PfPacketReader(packet, format.Flavour, 255);
        while (reader.MoveSection())
        while (reader.MoveMessage())
        {
            if (reader.Action.Kind is PfKind.Insert or PfKind.Update)
            {
                reader.Action.Layout!.Read(reader.Message, out var state);
                references.Add(new PfReference(state.Id, state.Creator));
            }
            else if (reader.Action.Kind == PfKind.UpdateCompressed)
            {
                var update = PfUpdate.Read(reader.Message, format.Flavour);
                references.Add(new PfReference(update.Id, update.Creator));
            }
        }
        return references;
    }
}
