using Redoubt.Core;
using Redoubt.Core.Failover;

namespace Redoubt.Tests.Failover;

public sealed class ForeignIdsTests
{
    private static readonly IpAddressValue s_source = IpAddressValue.From(System.Net.IPAddress.Parse("192.0.2.7"));

    private static Instant At(double seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    // Version and type, then the id: VRRP version 3, CARP version 2.
    private static byte[] Vrrp(byte id) => [0x31, id, 100, 1, 0, 100, 0, 0, 192, 0, 2, 1];

    private static byte[] Carp(byte id) => [0x21, id, 0, 7, 0, 1, 0, 0, .. new byte[28]];

    [Fact]
    public void Somebody_elses_id_is_noted_once_with_how_often_and_when()
    {
        var ids = new ForeignIds();
        ids.Note(Carp(9), false, s_source, 255, At(1));
        ids.Note(Carp(9), false, s_source, 255, At(4));
        ids.Note(Vrrp(9), false, s_source, 255, At(5));

        Assert.Equal(
            [(false, 2L, At(1), At(4)), (true, 1L, At(5), At(5))],
            ids.Entries.ToArray().Select(e => (e.IsVrrp, e.Count, e.First, e.Last))
        );
    }

    [Fact]
    public void What_came_through_a_router_or_is_no_advertisement_is_not_noted()
    {
        var ids = new ForeignIds();
        ids.Note(Carp(9), false, s_source, 254, At(1));
        ids.Note(Carp(0), false, s_source, 255, At(1));
        ids.Note([0x21, 9], false, s_source, 255, At(1));

        Assert.Equal(0, ids.Entries.Length);
    }

    [Fact]
    public void A_flood_of_ids_takes_the_places_of_those_that_were_silent_for_longest()
    {
        var ids = new ForeignIds();
        for (var i = 1; i <= 200; i++)
            ids.Note(Carp((byte)i), false, s_source, 255, At(i));

        Assert.Equal(ForeignIds.Capacity, ids.Entries.Length);
        Assert.Equal(Enumerable.Range(137, 64), ids.Entries.ToArray().Select(e => (int)e.Id).Order());
    }
}
