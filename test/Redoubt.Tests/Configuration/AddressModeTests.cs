using Redoubt.Core.Configuration;

namespace Redoubt.Tests.Configuration;

/// <summary>Virtual addresses that are in no election.</summary>
public class AddressModeTests
{
    private static ConfigurationResult With(string vip) =>
        ConfigVectors.Read(
            ConfigVectors.Text("good/pair.xml").Replace("</virtualip>", $"<vip>{vip}</vip></virtualip>", StringComparison.Ordinal)
        );

    private static string Alias(string on, string address, int bits) =>
        $"<mode>ipalias</mode><interface>{on}</interface><subnet>{address}</subnet><subnet_bits>{bits}</subnet_bits>";

    [Fact]
    public void An_alias_on_an_interface_stands_whatever_the_role_with_its_network()
    {
        var result = With(Alias("lan", "192.0.2.7", 24));

        Assert.Empty(result.Problems);
        Assert.Equal("192.0.2.7/24 on lan0", Assert.Single(StandingAddress.Of(result.Configuration!)).ToString());
        Assert.DoesNotContain(result.Configuration!.VirtualHosts, h => h.Addresses.Any(a => a.AddressText == "192.0.2.7"));
    }

    [Theory]
    [InlineData("192.0.2.7", 24, "192.0.2.7/32 on lo")]
    [InlineData("2001:db8:9::7", 64, "2001:db8:9::7/128 on lo")]
    public void An_alias_on_the_loopback_device_is_one_address_and_no_network(string address, int bits, string expected)
    {
        var result = With(Alias("lo0", address, bits));

        Assert.Empty(result.Problems);
        Assert.Equal(expected, Assert.Single(StandingAddress.Of(result.Configuration!)).ToString());
    }

    [Fact]
    public void An_alias_on_a_carp_address_moves_with_its_vhid_and_does_not_stand()
    {
        var configuration = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml")).Configuration!;

        Assert.Empty(StandingAddress.Of(configuration));
        Assert.Contains(configuration.VirtualHosts.Single(h => h.Vhid == 1).Addresses, a => a.AddressText == "10.0.0.9");
    }

    [Theory]
    [InlineData("carp", "lo0")]
    [InlineData("proxyarp", "lo0")]
    [InlineData("ipalias", "opt9")]
    public void A_mode_on_what_cannot_carry_it_is_refused(string mode, string on)
    {
        var result = With(Alias(on, "192.0.2.7", 24).Replace("ipalias", mode, StringComparison.Ordinal));

        Assert.Contains(result.Errors, p => p.Element == "virtualip/vip[5]/interface");
    }

    [Fact]
    public void An_alias_with_an_address_that_is_in_use_is_refused()
    {
        var result = With(Alias("lo0", "10.0.0.1", 32));

        Assert.Contains(result.Errors, p => p.Message.Contains("in use already", StringComparison.Ordinal));
    }
}
