using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using static Redoubt.Tests.Carp.Bench;

namespace Redoubt.Tests.Carp;

/// <summary>A vhid gets another address on one node after the other.</summary>
public class FormerAddressesTests
{
    private static readonly CarpHostOptions _before = Options();
    private static readonly IpAddressValue _added = new(0, 0x0a0000fd);
    private static readonly CarpHostOptions _after = _before with { IPv4Addresses = [.. _before.IPv4Addresses, _added] };
    private static readonly CarpHostOptions _changing = _after with { FormerIPv4Addresses = _before.IPv4Addresses };

    private static (ElectionSegment Segment, CarpVirtualHost Host) Node(CarpHostOptions options, double until = 100)
    {
        var host = Host(options);
        host.FormerUntil = At(until);
        var segment = new ElectionSegment();
        segment.Add(host);
        host.Machine.OnReady(At(0));
        return (segment, host);
    }

    private static byte[] Frame(CarpVirtualHost host, IpAddressValue source, bool former)
    {
        var frame = new byte[CarpFrame.MaxLength];
        var length = host.WriteFrame(frame, false, default, source, CarpFrame.GroupIPv4, default, resign: false, former);
        return frame[34..length];
    }

    private static bool Hears(ElectionSegment segment, byte[] payload, double at) =>
        segment.Receive(payload, false, NodeB, CarpFrame.GroupIPv4, 255, At(at)).Host is not null;

    [Fact]
    public void DuringAChangeBothDigestsAreAcceptedAndAfterwardsOnlyTheNewOne()
    {
        var (segment, _) = Node(_changing, until: 10);
        Assert.True(Hears(segment, Frame(Host(_before), NodeB, former: false), 1));
        Assert.True(Hears(segment, Frame(Host(_after), NodeB, former: false), 1));
        Assert.False(Hears(segment, Frame(Host(_before), NodeB, former: false), 10));
        Assert.True(Hears(segment, Frame(Host(_after), NodeB, former: false), 10));
        Assert.False(Hears(segment, Frame(Host(_before with { Password = "hate" }), NodeB, former: false), 1));
        var (plain, _) = Node(_after);
        Assert.False(Hears(plain, Frame(Host(_before), NodeB, former: false), 1));
    }

    [Fact]
    public void APeerThatWasNotChangedYetHearsTheFormerDigest()
    {
        var changed = Node(_changing, until: 10).Host;
        Assert.Equal((true, false), (changed.SendsFormer(At(9)), changed.SendsFormer(At(10))));
        Assert.False(Node(_after).Host.SendsFormer(At(1)));
        var (old, _) = Node(_before);
        Assert.False(Hears(old, Frame(changed, NodeB, former: false), 1));
        Assert.True(Hears(old, Frame(changed, NodeB, former: true), 1));
    }

    // Without the former digest this same course makes two masters: that is what the parameter shows.
    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public void ChangingOneNodeAfterTheOtherLeavesOneMaster(bool remembers, int masters)
    {
        var better = remembers ? _changing : _after;
        var (segmentA, a) = Node(better);
        var (segmentB, b) = Node(_before with { AdvSkew = 100 });
        for (var tick = 0; tick < 300; tick++)
        {
            var now = At(tick / 10.0);
            foreach (var (own, other, source) in new[] { (a, segmentB, NodeA), (b, segmentA, NodeB) })
            {
                if (!own.Machine.OnTurn(now).HasFlag(CarpActions.Advertise))
                    continue;
                foreach (var former in own.SendsFormer(now) ? [false, true] : new[] { false })
                    other.Receive(Frame(own, source, former), false, source, CarpFrame.GroupIPv4, 255, now);
            }
        }
        Assert.Equal(masters, new[] { a, b }.Count(h => h.Machine.State == CarpState.Master));
        Assert.Equal(CarpState.Master, a.Machine.State);
    }
}
