using System.Diagnostics;
using Redoubt.Linux.Nftables;

namespace Redoubt.Lab.Tests.Firewall;

public class NftCommandTests
{
    [Fact]
    public void A_wrong_ruleset_is_refused_with_its_line()
    {
        var result = Namespace.Nft(["-f", "-"], "add table inet x\nadd chian inet x y\n");

        Assert.False(result.Succeeded);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(":2:", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_hangs_is_stopped()
    {
        var watch = Stopwatch.StartNew();

        var result = NftCommand.Run(["60"], "", TimeSpan.FromMilliseconds(200), "/bin/sleep");

        Assert.False(result.Succeeded);
        Assert.Contains("longer than 0.2 s", result.Error, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Endless_output_is_cut_and_a_reader_that_stops_reading_is_no_fault()
    {
        var result = NftCommand.Run(
            ["-c", "head -c 1000000 /dev/zero | tr '\\0' x"],
            new string('y', 1_000_000),
            TimeSpan.FromSeconds(20),
            "/bin/sh"
        );

        Assert.True(result.Succeeded, result.Error);
        Assert.Equal(NftCommand.MaxOutput, result.Output.Length);
    }

    [Fact]
    public void A_missing_program_is_an_error_and_no_exception() =>
        Assert.False(NftCommand.Run([], "", TimeSpan.FromSeconds(1), "/nowhere/nft").Succeeded);

    [Theory]
    [InlineData(
        """{"nftables": [{"metainfo": {"version": "1"}}, {"counter": {"family": "inet", "name": "invalid", "packets": 7, "bytes": 420}}]}""",
        7
    )]
    [InlineData("""{"nftables": []}""", null)]
    [InlineData("""{"nftables": [7, {"counter": []}]}""", null)]
    [InlineData("[]", null)]
    [InlineData("", null)]
    [InlineData("""{"nftables": [{"counter": {"packets": "x", "bytes": 1}}]}""", null)]
    public void A_counter_is_read_or_it_is_not(string json, int? packets) =>
        Assert.Equal(packets, (int?)NftCommand.ParseCounter(json)?.Packets);
}
