using System.Globalization;
using System.Net;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Configuration;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.StateSync;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Tests.StateSync.Traffic;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>Plain pfsync over IP protocol 240: between two nodes of ours, and to one of ours from packets as the BSDs send them.</summary>
public sealed class PlainPfsyncTests : IDisposable
{
    private readonly SyncPair _pair = new();

    public void Dispose() => _pair.Dispose();

    private static ConntrackEntry Flow(ushort port)
    {
        var entry = Entry(Tuple(6, "10.1.0.1", port, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", (ushort)(port + 10000)));
        entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
        return entry;
    }

    private StateSyncLoop Start(ConntrackNamespace node, bool forwarding, StateSyncFormat format, bool group = false, bool ipv6 = false) =>
        _pair.Start(
            node,
            forwarding,
            o =>
                o with
                {
                    Formats = [PfFormat.Of(format)],
                    LocalAddress = ipv6 ? IPAddress.Parse(node == _pair.A ? "fd00:255::1" : "fd00:255::2") : o.LocalAddress,
                    Peers =
                        group ? []
                        : ipv6 ? [IPAddress.Parse(node == _pair.A ? "fd00:255::2" : "fd00:255::1")]
                        : o.Peers,
                }
        );

    private void AddIPv6()
    {
        foreach (var (node, address) in new[] { (_pair.A, "fd00:255::1/64"), (_pair.B, "fd00:255::2/64") })
            node.Shell("ip", $"address add {address} dev sync nodad");
    }

    [Theory]
    [InlineData(StateSyncFormat.FreeBsd1301, false, false)]
    [InlineData(StateSyncFormat.FreeBsd1400, false, false)]
    [InlineData(StateSyncFormat.FreeBsd1500, true, false)]
    [InlineData(StateSyncFormat.OpenBsd6, true, false)]
    [InlineData(StateSyncFormat.FreeBsd1400, false, true)]
    [InlineData(StateSyncFormat.FreeBsd1400, true, true)]
    public void A_connection_appears_translated_at_the_other_node_changes_and_goes(StateSyncFormat format, bool group, bool ipv6)
    {
        AddIPv6();
        // Enough of them that packets are as long as they may be.
        const int before = 40;
        var early = Flow(20001);
        var a = Start(_pair.A, true, format, group, ipv6);
        _pair.Until("the lone node is ready", () => a.IsReady);
        SyncPair.Create(_pair.A, early);
        for (var i = 1; i < before; i++)
            SyncPair.Create(_pair.A, Flow((ushort)(21000 + i)));
        _pair.Until("A knows them", () => a.Count() == before);
        Start(_pair.B, false, format, group, ipv6);
        _pair.UntilInSync();
        _pair.Until("what was there before came by the bulk", () => SyncPair.Count(_pair.B, 6) == before);
        Assert.NotNull(SyncPair.Get(_pair.B, early.Original));

        var flow = Flow(20002);
        SyncPair.Create(_pair.A, flow);
        _pair.Until("the entry is at the backup", () => SyncPair.Get(_pair.B, flow.Original) is not null);
        var copy = SyncPair.Get(_pair.B, flow.Original)!.Value;
        Assert.Equal(flow.Reply, copy.Reply);
        Assert.Equal(3, copy.TcpState);
        Assert.NotEqual(0u, copy.Status & ConntrackEntry.StatusAssured);
        Assert.NotEqual(0u, copy.Status & ConntrackEntry.StatusSourceNat);
        Assert.NotEqual(0, copy.TcpFlagsOriginal & copy.TcpFlagsReply & ConntrackEntry.TcpFlagBeLiberal);

        flow.TcpState = 7;
        SyncPair.Change(_pair.A, t => Assert.Equal(Errno.None, t.Update(flow)));
        _pair.Until("its end begins at the backup", () => SyncPair.Get(_pair.B, flow.Original)?.TcpState == 7);
        SyncPair.Change(_pair.A, t => Assert.Equal(Errno.None, t.Delete(flow.Original, 0)));
        _pair.Until("the entry is gone from the backup", () => SyncPair.Get(_pair.B, flow.Original) is null);
        Assert.NotNull(SyncPair.Get(_pair.B, early.Original));
    }

    [Fact]
    public void What_passed_a_router_or_comes_from_a_stranger_changes_nothing()
    {
        var b = Start(_pair.B, false, StateSyncFormat.FreeBsd1400);
        _pair.Until("B is ready", () => b.IsReady);
        var vector = Vectors("freebsd-state-1400").First(v => v.Original.Protocol == 6);
        Send(_pair.A, "10.255.0.1", vector.Payload, ttl: 254);
        _pair.Until("the one that passed a router is counted", () => SyncPair.Counter(b, "rejectedBadTtl") == 1);
        _pair.A.Shell("ip", "address add 10.255.0.9/24 dev sync");
        Send(_pair.A, "10.255.0.9", vector.Payload, ttl: 255);
        _pair.Until("the stranger's is counted", () => SyncPair.Counter(b, "rejectedBadSource") == 1);
        Assert.Equal(0, b.Count());

        Send(_pair.A, "10.255.0.1", vector.Payload, ttl: 255);
        _pair.Until("the peer's is taken", () => b.Count() == 1);
    }

    [Theory]
    [InlineData("freebsd-state-1301", StateSyncFormat.FreeBsd1301)]
    [InlineData("freebsd-state-1400", StateSyncFormat.FreeBsd1400)]
    [InlineData("freebsd-state-1500", StateSyncFormat.FreeBsd1500)]
    [InlineData("openbsd-v6", StateSyncFormat.OpenBsd6)]
    public void States_of_the_BSDs_appear_in_the_kernel_as_the_mapping_says(string file, StateSyncFormat format)
    {
        var b = Start(_pair.B, false, format);
        _pair.Until("B is ready", () => b.IsReady);
        var all = Vectors(file).ToList();
        // Whose sequence numbers its creator changes no other kernel can carry on.
        var vectors = all.Where(v => !v.IsModulated).ToList();
        foreach (var vector in all)
            Send(_pair.A, "10.255.0.1", vector.Payload, ttl: 255);

        // A state whose other half never comes is put in alone after a while.
        foreach (var vector in vectors)
            _pair.Until(
                $"{vector.Id} is in the kernel: {vector.Original}",
                () => SyncPair.Get(_pair.B, vector.Original) is { } entry && entry.Reply == vector.Reply
            );
        var listed = _pair.B.Shell("conntrack", "-L") + _pair.B.Shell("conntrack", "-L -f ipv6");
        Assert.All(vectors, v => Assert.Contains(Line(v.Original), listed, StringComparison.Ordinal));
        Assert.All(vectors, v => Assert.Contains(Line(v.Reply), listed, StringComparison.Ordinal));
        Assert.True(vectors.Count >= 4, $"{vectors.Count} vectors");
        Assert.All(all.Except(vectors), v => Assert.Null(SyncPair.Get(_pair.B, v.Original)));
        _pair.Until("they are counted", () => SyncPair.Counter(b, "notPortable") == all.Count - vectors.Count);
    }

    [Fact]
    public void Flows_go_on_over_a_crash_and_a_way_back_with_plain_pfsync()
    {
        using var pair = new Pair(stateSync: true, "<statesync><transport>pfsync</transport></statesync>");
        var nodes = new[] { pair.First, pair.Second };
        bool InSync() => nodes.All(n => n.Status().StateSync.Peers.All(p => p is { Alive: true, InSync: true }));
        Deadline.In(15).Await("states are in sync", InSync);
        Assert.Contains(pair.First.Events(), e => e is { Kind: EventKind.Alarm, Alarm: "state-sync-unencrypted" });
        var (client, server) = (pair.Topology.Client, pair.Topology.Server);
        using var tcp = new TcpFlow("TCP, source translated", client, server, new(IPAddress.Parse(Topology.ServerAddress), 9000));
        using var tcp6 = new TcpFlow("TCP over IPv6", client, server, new(IPAddress.Parse(Topology.ServerAddress6), 9000));
        using var udp = DatagramFlow.Udp(client, server, 53);
        IFlow[] flows = [tcp, tcp6, udp];
        Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(5)), $"{f.Name} before"));
        Deadline.In(5).Await("fw2 has them", () => pair.Second.Status().StateSync.Entries >= 3);

        pair.First.Crash();
        pair.Second.WaitForState(VipState.Master, Deadline.In(15));
        Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(8)), $"{f.Name} after the crash"));
        pair.First.Heal();
        pair.First.WaitForState(VipState.Master, Deadline.In(20));
        Deadline.In(15).Await("states are in sync again", InSync);
        Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(8)), $"{f.Name} after the way back"));
    }

    private sealed record StateVector(string Id, byte[] Payload, ConntrackTuple Original, ConntrackTuple Reply, bool IsModulated);

    // Those with one TCP or UDP state in one family.
    private static IEnumerable<StateVector> Vectors(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root(), "test", "vectors", "pfsync", file + ".json")));
        foreach (var vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            if (
                vector.GetProperty("category").GetString() != "valid"
                || !vector.TryGetProperty("semantics", out var semantics)
                || semantics.GetArrayLength() != 1
                || !semantics[0].GetProperty("state").TryGetProperty("conntrack_orig", out var original)
            )
                continue;
            var message = vector.GetProperty("subheaders")[0].GetProperty("messages")[0];
            var protocol = (message.TryGetProperty("proto", out var p) ? p : message.GetProperty("wire_proto")).GetByte();
            var reply = semantics[0].GetProperty("state").GetProperty("conntrack_reply");
            var (first, answer) = (Ends(protocol, original), Ends(protocol, reply));
            var payload = Convert.FromHexString(vector.GetProperty("payload").GetString()!);
            var action = vector.GetProperty("subheaders")[0].GetProperty("action_name").GetString()!;
            if (protocol is 6 or 17 && first.Family == answer.Family && action.StartsWith("INS", StringComparison.Ordinal))
            {
                var isModulated = new[] { "src", "dst" }.Any(peer => message.GetProperty(peer).GetProperty("seqdiff").GetUInt32() != 0);
                yield return new StateVector(vector.GetProperty("id").GetString()!, payload, first, answer, isModulated);
            }
        }
    }

    private static ConntrackTuple Ends(byte protocol, JsonElement tuple) =>
        Tuple(
            protocol,
            tuple.GetProperty("src").GetString()!,
            tuple.GetProperty("sport").GetUInt16(),
            tuple.GetProperty("dst").GetString()!,
            tuple.GetProperty("dport").GetUInt16()
        );

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Redoubt.slnx")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException("Redoubt.slnx");
    }

    private static string Line(ConntrackTuple tuple)
    {
        var family = tuple.Family == 2 ? System.Net.Sockets.AddressFamily.InterNetwork : System.Net.Sockets.AddressFamily.InterNetworkV6;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"src={tuple.Source.ToIPAddress(family)} dst={tuple.Destination.ToIPAddress(family)} sport={tuple.SourcePort} dport={tuple.DestinationPort}"
        );
    }

    private static void Send(ConntrackNamespace node, string source, byte[] payload, byte ttl) =>
        node.Run(() =>
        {
            using var route = new RouteNetlink();
            using var sender = new UnicastSender(route.Link("sync")!.Value.Index, "sync", ipv6: false);
            var packet = new byte[20 + payload.Length];
            packet[0] = 0x45;
            (packet[2], packet[3]) = ((byte)(packet.Length >> 8), (byte)packet.Length);
            (packet[8], packet[9]) = (ttl, 240);
            IpAddressValue.From(IPAddress.Parse(source)).Write(packet.AsSpan(12, 4));
            var destination = IpAddressValue.From(IPAddress.Parse("10.255.0.2"));
            destination.Write(packet.AsSpan(16, 4));
            payload.CopyTo(packet, 20);
            Assert.Equal(Errno.None, sender.Send(packet, destination, mark: 0));
        });
}
