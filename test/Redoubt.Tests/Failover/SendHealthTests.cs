using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;

namespace Redoubt.Tests.Failover;

public class SendHealthTests
{
    private readonly SendHealth _health = new();
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    private bool Send(bool left, int times = 1)
    {
        var changed = false;
        for (var i = 0; i < times; i++)
        {
            _now += TimeSpan.FromSeconds(1);
            changed = _health.OnSent(left, _now);
        }
        return changed;
    }

    [Fact]
    public void Three_refused_rounds_in_a_row_make_it_sick_and_three_good_ones_well()
    {
        Assert.False(Send(false, 2));
        Assert.False(_health.IsSick);
        Assert.True(Send(false));
        Assert.True(_health.IsSick);
        Assert.Equal(_now + TimeSpan.FromSeconds(1), _health.ProbeAt);

        Assert.False(Send(true, 2));
        Assert.True(_health.IsSick);
        Assert.True(Send(true));
        Assert.False(_health.IsSick);
        Assert.Equal(Instant.Never, _health.ProbeAt);
    }

    [Fact]
    public void Neither_counts_where_the_other_comes_between()
    {
        for (var i = 0; i < 10; i++)
        {
            Send(false, 2);
            Send(true);
        }
        Assert.False(_health.IsSick);

        Send(false, 3);
        for (var i = 0; i < 10; i++)
        {
            Send(true, 2);
            Send(false);
        }
        Assert.True(_health.IsSick);
    }

    [Fact]
    public void What_fails_again_soon_is_asked_for_twice_the_proof_up_to_a_bound_and_forgiven_after_a_minute()
    {
        var proofs = new List<int>();
        for (var i = 0; i < 8; i++)
        {
            Send(false, 3);
            proofs.Add(_health.Proof);
            Send(true, _health.Proof);
            Assert.False(_health.IsSick);
        }
        Assert.Equal([3, 6, 12, 24, 48, 96, 192, 192], proofs);

        Send(true, 61);
        Send(false, 3);
        Assert.Equal(3, _health.Proof);
    }

    [Theory]
    [InlineData(false, 70)]
    [InlineData(true, 90)]
    public void A_probe_is_a_packet_of_the_advertisements_protocol_to_the_node_itself_that_nobody_takes_for_one(bool ipv6, int length)
    {
        var (own, source) = (new MacAddress(0x0200_0000_0001), new IpAddressValue(0, 0x0a00_000b));
        var frame = new byte[SendProbe.MaxLength];
        Assert.Equal(length, SendProbe.Write(frame, ipv6, own, source));
        Assert.Equal(frame[..6], frame[6..12]);
        Assert.Equal(112, frame[ipv6 ? 20 : 23]);
        var segment = new CarpSegment();
        var group = ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4;
        var payload = frame.AsSpan(length - CarpAdvertisement.Length, CarpAdvertisement.Length);
        Assert.NotEqual(CarpRejection.None, segment.Receive(payload, ipv6, source, group, frame[ipv6 ? 21 : 22], _now).Rejection);
        Assert.NotEqual(CarpRejection.None, segment.Receive(payload, ipv6, source, group, 255, _now).Rejection);
    }
}
