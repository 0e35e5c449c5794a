using System.Net;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Traffic;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>F-24: a host on the LAN says that the virtual address is at its own MAC. That cannot be prevented; it is seen, told, and contradicted.</summary>
public sealed class ClaimTests
{
    private static readonly MacAddress _thief = new(0x0200_0000_0666);

    [Fact]
    public void Who_claims_a_virtual_address_is_named_and_contradicted_at_a_bounded_rate_and_the_alarm_ends_after_him()
    {
        using var pair = new Pair();
        var (fw1, client) = (pair.First, pair.Topology.Client);
        Assert.True(client.Pings(Topology.LanVip));
        Assert.True(client.Pings(Topology.LanVip6));
        Assert.Equal(MacAddress.Virtual(Topology.LanVhid), Neighbours.Known(client, "lan0", Topology.LanVip));
        using var sender = pair.Topology.Observer.Run(() => new PacketSender(Pair.Device(pair.Topology.Observer, "lan0").Index));
        using var tap = pair.Topology.Observer.Run(() => new PacketTap(Pair.Device(pair.Topology.Observer, "lan0").Index));

        // A hundred times a second for a second, in both families.
        var begin = Pacing.Now;
        var stolen = false;
        for (var i = 0; i < 100; i++)
        {
            Claim(sender, _thief);
            stolen |= i % 20 == 0 && Neighbours.Known(client, "lan0", Topology.LanVip) == _thief;
            Pacing.WaitUntil(begin + (i * 10_000_000L));
        }
        Assert.True(stolen, "the client believed it for a while");
        Assert.InRange(Announcements(tap), 2, 6); // one burst of five, in two frames each, and three of the five by now

        Deadline
            .In(5)
            .Await(
                "the client knows better again",
                () => Neighbours.Known(client, "lan0", Topology.LanVip) == MacAddress.Virtual(Topology.LanVhid)
            );
        Deadline
            .In(5)
            .Await("and in IPv6", () => Neighbours.Known(client, "lan0", Topology.LanVip6) == MacAddress.Virtual(Topology.LanVhid));
        Assert.Contains(fw1.Status().Reasons, r => r.StartsWith($"{_thief} claims ", StringComparison.Ordinal));
        Assert.Empty(pair.Second.Status().Reasons);
        Deadline.In(15).Await("the alarm ends", () => fw1.Status().Reasons.Count == 0);
        Assert.Equal(["raised", "cleared"], fw1.Events().Where(e => e.Alarm == "claimed lan@1").Select(e => e.To));
        Assert.Equal(VipState.Master, fw1.State(Topology.LanVhid));
    }

    /// <summary>The twin: the other node, which takes the addresses over and says so, is no thief.</summary>
    [Fact(Explicit = true)]
    public void The_announcements_of_a_successor_and_questions_for_the_address_are_no_claims()
    {
        using var pair = new Pair(redoubtXml: "<vip><member>lan@1</member><mac>real</mac></vip>");
        var (fw1, fw2) = (pair.First, pair.Second);
        Assert.True(pair.Topology.Client.Pings(Topology.LanVip));

        Assert.True(fw1.Ask(ControlVerb.Failover).Ok);
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        Assert.True(fw1.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = true }).Ok);
        fw1.WaitForState(VipState.Master, Deadline.In(10));
        Assert.True(pair.Topology.Client.Pings(Topology.LanVip));

        foreach (var node in new[] { fw1, fw2 })
            Assert.DoesNotContain(node.Events(), e => e.Alarm?.StartsWith("claimed", StringComparison.Ordinal) == true);
    }

    private static void Claim(PacketSender sender, MacAddress mac)
    {
        Span<byte> frame = stackalloc byte[128];
        var vip4 = IpAddressValue.From(IPAddress.Parse(Topology.LanVip));
        Assert.True(sender.Send(frame[..Announcement.WriteArp(frame, mac, vip4, true)], 0).IsSuccess);
        var vip6 = IpAddressValue.From(IPAddress.Parse(Topology.LanVip6));
        Assert.True(sender.Send(frame[..Announcement.WriteNeighbourAdvertisement(frame, mac, vip6, vip6, router: true)], 0).IsSuccess);
    }

    // Gratuitous ARP with the virtual MAC for the virtual address.
    private static int Announcements(PacketTap tap)
    {
        var (buffer, count) = (new byte[2048], 0);
        var address = IPAddress.Parse(Topology.LanVip).GetAddressBytes();
        while (tap.TryReceive(buffer, out var length, out _))
        {
            var frame = buffer.AsSpan(0, length);
            if (
                length >= 42
                && frame[12] == 8
                && frame[13] == 6
                && frame.Slice(28, 4).SequenceEqual(address)
                && frame.Slice(38, 4).SequenceEqual(address)
            )
                count += MacAddress.Read(frame[22..]) == MacAddress.Virtual(Topology.LanVhid) ? 1 : 0;
        }
        return count;
    }
}
