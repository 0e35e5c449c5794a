using System.Net;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Neighbours;

namespace Redoubt.Tests.Neighbours;

/// <summary>Frames that say where an address is.</summary>
public class NeighbourClaimTests
{
    private static readonly MacAddress _mac = new(0x0200_0000_0666);
    private static readonly IpAddressValue _vip4 = IpAddressValue.From(IPAddress.Parse("10.0.0.1"));
    private static readonly IpAddressValue _vip6 = IpAddressValue.From(IPAddress.Parse("fd00:1::1"));

    private static byte[] Arp(bool reply)
    {
        var frame = new byte[128];
        return frame[..Announcement.WriteArp(frame, _mac, _vip4, reply)];
    }

    private static byte[] Advertisement()
    {
        var frame = new byte[128];
        return frame[..Announcement.WriteNeighbourAdvertisement(frame, _mac, _vip6, _vip6)];
    }

    private static byte[] With(byte[] frame, int at, params byte[] bytes)
    {
        bytes.CopyTo(frame, at);
        return frame;
    }

    // Who has 10.0.0.50? tell 10.0.0.1, as a solicitation: source fd00:1::1, option "source link-layer address".
    private static byte[] Solicitation() => With(With(Advertisement(), 54, 135), 78, 1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Arp_claims_its_sender_address_asked_or_answered(bool reply)
    {
        Assert.True(NeighbourClaim.TryRead(Arp(reply), out var claim));
        Assert.Equal(new NeighbourClaim(_vip4, false, _mac), claim);
    }

    [Fact]
    public void An_ARP_probe_claims_nothing() => Assert.False(NeighbourClaim.TryRead(With(Arp(false), 28, 0, 0, 0, 0), out _));

    [Fact]
    public void A_neighbour_advertisement_claims_its_target_by_its_option_or_by_where_it_comes_from()
    {
        Assert.True(NeighbourClaim.TryRead(Advertisement(), out var claim));
        Assert.Equal(new NeighbourClaim(_vip6, true, _mac), claim);
        Assert.True(NeighbourClaim.TryRead(With(Advertisement()[..78], 6, 2, 0, 0, 0, 0, 9), out claim));
        Assert.Equal(new NeighbourClaim(_vip6, true, new MacAddress(0x0200_0000_0009)), claim);
    }

    [Fact]
    public void A_neighbour_solicitation_claims_its_source_and_without_the_option_nothing()
    {
        Assert.True(NeighbourClaim.TryRead(Solicitation(), out var claim));
        Assert.Equal(new NeighbourClaim(_vip6, true, _mac), claim);
        Assert.False(NeighbourClaim.TryRead(Solicitation().AsSpan(0, 78), out _));
    }

    [Fact]
    public void What_hosts_do_not_believe_is_no_claim()
    {
        Assert.False(NeighbourClaim.TryRead(With(Advertisement(), 21, 254), out _)); // came from another network
        Assert.False(NeighbourClaim.TryRead(With(Advertisement(), 20, 17), out _));
        Assert.False(NeighbourClaim.TryRead(With(Advertisement(), 54, 134), out _));
        Assert.False(NeighbourClaim.TryRead(With(Advertisement()[..78], 54, 135), out _));
        Assert.False(NeighbourClaim.TryRead(With(Arp(true), 15, 6), out _)); // not Ethernet
        Assert.False(NeighbourClaim.TryRead(With(Arp(true), 12, 8, 0), out _));
    }

    [Fact]
    public void Any_bytes_are_read_without_an_exception()
    {
        var random = new Random(Seeds.Only ?? 24);
        byte[][] models = [Arp(true), Advertisement(), Solicitation()];
        for (var i = 0; i < 100_000; i++)
        {
            var frame = models[i % 3].AsSpan(0, random.Next(models[i % 3].Length + 1)).ToArray();
            for (var change = random.Next(4); change > 0 && frame.Length > 0; change--)
                frame[random.Next(frame.Length)] = (byte)random.Next(256);
            NeighbourClaim.TryRead(frame, out _);
        }
    }
}
