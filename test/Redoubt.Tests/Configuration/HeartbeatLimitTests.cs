using System.Globalization;
using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Heartbeat;

namespace Redoubt.Tests.Configuration;

public class HeartbeatLimitTests
{
    [Theory]
    [InlineData(HeartbeatLimits.Groups, true)]
    [InlineData(HeartbeatLimits.Groups + 1, false)]
    public void More_failover_groups_than_a_heartbeat_holds_are_refused(int vhids, bool accepted)
    {
        // One group of one vhid; every other vhid moves alone.
        var result = ConfigurationReader.Read(
            Encoding.UTF8.GetBytes(WithVhids(vhids, "<group><name>one</name><member>lan@1</member></group>")),
            "f"
        );

        Assert.Equal(accepted, result.Configuration is not null);
        Assert.Equal(!accepted, result.Problems.Any(p => p.IsError && p.Message.Contains("failover groups", StringComparison.Ordinal)));
    }

    [Fact]
    public void All_vhids_in_one_group_are_as_many_as_there_are_ids()
    {
        var result = ConfigurationReader.Read(Encoding.UTF8.GetBytes(WithVhids(255, "")), "f");

        Assert.Single(result.Configuration!.Redoubt.Groups);
    }

    private static string WithVhids(int count, string groups)
    {
        var vips = new StringBuilder();
        for (var i = 1; i <= count; i++)
            vips.Append(
                CultureInfo.InvariantCulture,
                $"<vip><mode>carp</mode><interface>lan</interface><vhid>{i}</vhid><advskew>0</advskew><advbase>1</advbase><password>x</password><subnet>10.0.1.{i}</subnet><subnet_bits>16</subnet_bits></vip>"
            );
        return "<pfsense><interfaces><lan><if>eth0</if><ipaddr>10.0.0.2</ipaddr><subnet>16</subnet></lan></interfaces>"
            + $"<virtualip>{vips}</virtualip><redoubt><failover>{groups}</failover></redoubt></pfsense>";
    }
}
