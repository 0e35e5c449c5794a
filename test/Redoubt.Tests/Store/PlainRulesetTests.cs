using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;
using Redoubt.Daemon.Firewall;

namespace Redoubt.Tests.Store;

public sealed class PlainRulesetTests
{
    private static readonly RulesetContext _here = new() { Interfaces = [new RulesetInterface("lan", ["lan0"], [])] };
    private readonly PlainRulesets _rulesets = new();

    [Fact]
    public void The_same_configuration_is_compiled_once()
    {
        var (a, b) = (Read("a"), Read("b"));

        var first = _rulesets.Of(a, _here);
        var second = _rulesets.Of(b, _here);

        Assert.Same(first, _rulesets.Of(a, _here));
        Assert.Same(second, _rulesets.Of(b, _here));
        Assert.Contains("comment \"b\"", second.ToString(), StringComparison.Ordinal);
        // Of the same context in another object, too.
        Assert.Same(second, _rulesets.Of(b, new RulesetContext { Interfaces = [new RulesetInterface("lan", ["lan0"], [])] }));
    }

    [Fact]
    public void Another_device_or_address_is_another_ruleset()
    {
        var a = Read("a");
        var first = _rulesets.Of(a, _here);

        var device = _rulesets.Of(a, new RulesetContext { Interfaces = [new RulesetInterface("lan", ["lan0", "rd3.2"], [])] });
        Assert.NotSame(first, device);
        Assert.Contains("rd3.2", device.ToString(), StringComparison.Ordinal);
        Assert.True(AddressPrefix.TryParse("10.9.9.9/24", out var address));
        Assert.NotSame(first, _rulesets.Of(a, new RulesetContext { Interfaces = [new RulesetInterface("lan", ["lan0"], [address])] }));
    }

    [Fact]
    public void What_is_no_longer_in_force_is_forgotten()
    {
        var (a, b) = (Read("a"), Read("b"));
        var (first, second) = (_rulesets.Of(a, _here), _rulesets.Of(b, _here));

        _rulesets.KeepOnly(a);

        Assert.Same(first, _rulesets.Of(a, _here));
        Assert.NotSame(second, _rulesets.Of(b, _here));
        _rulesets.KeepOnly(Read("a"));
        Assert.NotSame(first, _rulesets.Of(a, _here));
    }

    [Fact]
    public void Rules_outside_of_their_schedule_are_compiled_as_if_it_were_time()
    {
        const string Schedules =
            "<schedules><schedule><name>never</name><timerange><position>1</position><hour>1:00-1:01</hour></timerange></schedule></schedules>";
        var scheduled = Read("a", "<sched>never</sched>", Schedules);

        Assert.True(PlainRulesets.HasSchedules(scheduled));
        Assert.False(PlainRulesets.HasSchedules(Read("a")));
        Assert.Contains("comment \"a\"", _rulesets.Of(scheduled, _here).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("comment \"a\"", RulesetCompiler.Build(scheduled, _here).ToString(), StringComparison.Ordinal);
    }

    private static NodeConfiguration Read(string description, string inRule = "", string more = "")
    {
        var xml =
            "<pfsense><system><hostname>fw1</hostname></system>"
            + "<interfaces><lan><enable/><if>lan0</if><ipaddr>10.0.0.2</ipaddr><subnet>24</subnet></lan></interfaces>"
            + "<filter><rule><tracker>1</tracker><type>pass</type><interface>lan</interface><ipprotocol>inet</ipprotocol>"
            + $"<source><any/></source><destination><any/></destination><descr>{description}</descr>{inRule}</rule></filter>{more}</pfsense>";
        var result = ConfigurationReader.Read(Encoding.UTF8.GetBytes(xml), "config.xml");
        Assert.True(result.IsValid, string.Join("; ", result.Errors.Select(e => e.Message)));
        return result.Configuration!;
    }
}
