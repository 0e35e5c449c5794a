using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Checks;

namespace Redoubt.Tests.Diagnosis;

public sealed class WitnessChecksTests
{
    private static IReadOnlyList<HealthCheck> Of(string witnesses) =>
        [
            .. WitnessChecks.Of(
                ConfigurationReader
                    .Read(
                        Encoding.UTF8.GetBytes(
                            $"""
                            <pfsense><interfaces>
                            <lan><if>lan0</if><ipaddr>10.0.0.11</ipaddr><subnet>24</subnet></lan>
                            <wan><if>wan0</if><ipaddr>192.0.2.11</ipaddr><subnet>24</subnet></wan>
                            </interfaces><redoubt><failover>{witnesses}</failover></redoubt></pfsense>
                            """
                        ),
                        "config.xml"
                    )
                    .Configuration!
            ),
        ];

    [Fact]
    public void Witnesses_of_one_interface_stand_for_each_other_and_each_interface_counts() =>
        Assert.Equal(
            ["witness lan: 10.0.0.5 10.0.0.6", "witness wan: 192.0.2.1", "witness elsewhere: 8.8.8.8"],
            Of("<witness>10.0.0.5</witness><witness>192.0.2.1</witness><witness>10.0.0.6</witness><witness>8.8.8.8</witness>")
                .Select(c => $"{c.Name}: {c.Target}")
        );

    [Theory]
    [InlineData(true, "lost", false, true)] // the first ping without an answer
    [InlineData(true, null, true, true)] // back
    [InlineData(true, null, false, false)] // as always
    [InlineData(false, "lost", true, false)] // gone: the ledger says so
    [InlineData(false, null, false, false)]
    public void A_node_is_unsure_while_another_one_may_not_have_noticed_yet(bool passes, string? error, bool isNews, bool expected) =>
        Assert.Equal(expected, WitnessChecks.IsUnsure(passes, error, isNews));

    [Fact]
    public void Without_witnesses_there_is_nothing_to_check() => Assert.Empty(Of(""));
}
