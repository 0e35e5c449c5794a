using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// The rules a second time, for decisions that must fall elsewhere: the gateway before routing, and packets that fit no state before these are
/// dropped. The first match decides there as it does in the filter; only what follows from it is different.
/// </summary>
internal sealed class FilterVariants(
    RulesetBuilder builder,
    NetworkView network,
    RuleText text,
    List<ActiveRule> active,
    Func<string, List<string>> lists
)
{
    public void Write(IReadOnlySet<string> routed, IReadOnlySet<string> stateless, Func<string, uint> gatewayMark)
    {
        if (routed.Count > 0)
            WriteRoutes(routed, gatewayMark);
        if (stateless.Count > 0)
            WriteStateless(stateless);
    }

    private void WriteRoutes(IReadOnlySet<string> routed, Func<string, uint> gatewayMark)
    {
        var mask = SafeText.Hex(FlowMark.GatewayMask);
        Write(
            "route",
            routed,
            r => r.Gateway.Length > 0,
            a =>
            {
                if (a.Rule.Gateway.Length == 0)
                    return "accept";
                var mark = SafeText.Hex(gatewayMark(a.Rule.Gateway));
                return $"ct mark set ct mark & {SafeText.Hex(~FlowMark.GatewayMask)} | {mark} "
                    + $"meta mark set meta mark & {SafeText.Hex(~FlowMark.RoutingMask)} | {mark} accept";
            }
        );
        var chain = builder.Chain(
            "route",
            "type filter hook prerouting priority dstnat + 10; policy accept;",
            "which gateway a connection leaves by, decided before routing"
        );
        chain.Rule(
            $"ct state established,related ct direction original ct mark & {mask} != 0 meta mark set ct mark & {mask} accept",
            "as its first packet"
        );
        foreach (var name in routed)
            chain.Rule($"ct state new iifname @if_{name} jump route_{name}");
    }

    private void WriteStateless(IReadOnlySet<string> stateless)
    {
        builder
            .Chain("misfit", "", "fits no connection, and no rule wants it")
            .Rule($"counter name \"{RulesetCompiler.InvalidCounter}\" drop");
        Write(
            "stateless",
            stateless,
            r => r is { Action: RuleAction.Pass, StateType: RuleStateType.None },
            a =>
                a.Rule is { Action: RuleAction.Pass, StateType: RuleStateType.None }
                    ? $"counter name \"{a.Counter}\" accept"
                    : "goto misfit"
        );
    }

    private void Write(string prefix, IReadOnlySet<string> names, Func<FilterRule, bool> target, Func<ActiveRule, string> verdict)
    {
        var written = new HashSet<string>();
        foreach (var name in names)
        {
            var jumps = new List<string>();
            foreach (var list in lists(name).Where(l => l != name))
            {
                jumps.Add($"{prefix}_{(list == "floating" ? "all" : list)}");
                if (written.Add(list))
                    WriteList(builder.Chain(jumps[^1], "", "rules of many interfaces"), RulesOf(list), verdict);
            }
            var chain = builder.Chain($"{prefix}_{name}", "", "");
            foreach (var jump in jumps)
                chain.Rule($"jump {jump}");
            var rules = RulesOf(name);
            WriteList(chain, rules.Take(rules.FindLastIndex(a => target(a.Rule)) + 1), verdict);
        }
    }

    private List<ActiveRule> RulesOf(string list) =>
        list == "floating"
            ? active.FindAll(a => a.Rule is { IsFloating: true, Direction: not RuleDirection.Out })
            : active.FindAll(a => !a.Rule.IsFloating && a.Rule.Interfaces[0] == list);

    private void WriteList(ChainText chain, IEnumerable<ActiveRule> rules, Func<ActiveRule, string> verdict)
    {
        foreach (var a in rules)
        {
            var decides = a.Rule.Quick && a.Rule.Action != RuleAction.Match;
            if (!decides && a.Rule.Tag.Length == 0)
                continue;
            var device = a.Rule.IsFloating ? network.Condition("iifname", a.Rule.Interfaces) : "";
            foreach (var condition in a.Conditions)
                chain.Rule(RuleText.Join(device, condition, text.SetTag(a.Rule.Tag), decides ? verdict(a) : ""));
        }
    }
}
