using System.Net;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.StateSync;
using Redoubt.Linux.Interop;
using Redoubt.Tests.Configuration;

namespace Redoubt.Tests.StateSync;

public sealed class StateSyncSetupTests
{
    private static readonly OwnAddress[] Own =
    [
        Address("eth0", "10.0.0.1/24"),
        Address("sync0", "10.77.1.1/24"),
        Address("sync1", "10.77.2.1/24"),
    ];

    private static OwnAddress Address(string device, string prefix)
    {
        Assert.True(AddressPrefix.TryParse(prefix, out var parsed));
        return new OwnAddress(device, parsed);
    }

    private static StateSyncOptions? Options(string cluster, out string? missing, string stateSync = "", OwnAddress[]? own = null)
    {
        var text = $"""
            <pfsense>
              <system><hostname>fw1</hostname></system>
              <interfaces>
                <lan><if>eth0</if><ipaddr>10.0.0.1</ipaddr><subnet>24</subnet></lan>
                <opt1><if>sync0</if><ipaddr>10.77.1.1</ipaddr><subnet>24</subnet></opt1>
                <opt2><if>sync1</if><ipaddr>10.77.2.1</ipaddr><subnet>24</subnet></opt2>
              </interfaces>
              <hasync><pfsyncenabled>on</pfsyncenabled><pfsyncinterface>opt1</pfsyncinterface></hasync>
              <redoubt><node><id>1</id></node><cluster>{cluster}</cluster>{stateSync}</redoubt>
            </pfsense>
            """;
        return new StateSyncSetup(ConfigVectors.Read(text).Configuration!, own ?? Own).Options(null, out missing);
    }

    private const string Links = "<synclink>opt1</synclink><synclink>opt2</synclink>";
    private const string Both = "<peer><id>2</id><address>10.77.1.2</address><address>10.77.2.2</address></peer>";

    [Fact]
    public void Two_links_and_two_addresses_are_two_ways()
    {
        var options = Options(Links + Both, out var missing);
        Assert.Null(missing);
        Assert.Equal(("sync0", "10.77.1.1"), (options!.Device, options.LocalAddress.ToString()));
        Assert.Equal(("sync1", "10.77.2.1"), (options.Second!.Device, options.Second.LocalAddress.ToString()));
        Assert.Equal([IPAddress.Parse("10.77.2.2")], options.Second.Peers);
    }

    [Fact]
    public void A_peer_without_a_second_address_has_none_there_and_keeps_its_number()
    {
        var options = Options(Links + "<peer><id>3</id><address>10.77.1.3</address></peer>" + Both, out var missing);
        Assert.Null(missing);
        Assert.Equal(2, options!.Peers.Count);
        Assert.Equal([null, IPAddress.Parse("10.77.2.2")], options.Second!.Peers);
    }

    [Theory]
    [InlineData("<peer><id>2</id><address>10.77.1.2</address></peer>", "no peer has a second address")]
    [InlineData("<peer><id>2</id><address>10.77.1.2</address><address>10.99.2.2</address></peer>", "has no address in the network")]
    public void A_second_link_that_cannot_be_used_is_told_of_and_the_first_goes_on(string peer, string why)
    {
        var options = Options(Links + peer, out var missing);
        Assert.NotNull(options);
        Assert.Null(options.Second);
        Assert.Contains(why, missing, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_address_on_the_first_link_nothing_can_be_replicated() =>
        Assert.Throws<KernelException>(() => Options(Links + Both, out _, own: [Own[0], Own[2]]));

    [Fact]
    public void Plain_pfsync_takes_the_first_link_and_each_peers_format()
    {
        var options = Options(
            Links
                + "<peer><id>2</id><address>10.77.1.2</address><address>10.77.2.2</address><format>1301</format></peer>"
                + "<peer><id>3</id><address>10.77.1.3</address></peer>",
            out _,
            "<statesync><transport>pfsync</transport><format>1500</format></statesync>"
        );
        Assert.Null(options!.Second);
        Assert.Equal([242, 360], options.Formats.Select(f => f.Layout.Length));
        var group = Options("<synclink>opt1</synclink>", out _, "<statesync><transport>pfsync</transport></statesync>");
        Assert.Empty(group!.Peers);
        Assert.Equal(277, Assert.Single(group.Formats).Layout.Length);
        Assert.Null(Options("<synclink>opt1</synclink>", out _));
    }

    [Fact]
    public void First_packets_are_held_on_every_interface_where_that_is_asked_for_and_the_transport_can()
    {
        Assert.Equal(["eth0", "sync0", "sync1"], Options(Links + Both, out _, "<statesync><defer/></statesync>")!.DeferredDevices);
        Assert.Empty(Options(Links + Both, out _)!.DeferredDevices);
        Assert.Empty(Options(Links + Both, out _, "<statesync><transport>pfsync</transport><defer/></statesync>")!.DeferredDevices);
    }
}
