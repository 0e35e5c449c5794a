using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes port forwards.</summary>
internal sealed class PortForwardText(NetworkView network, RuleText rules, RulesetBuilder builder)
{
    /// <summary>Says that a reflected forward translates the source too.</summary>
    public bool HasReflected { get; private set; }

    public void Write(ChainText chain, ImmutableArray<PortForward> forwards)
    {
        for (var i = 0; i < forwards.Length; i++)
            Write(chain, forwards[i], builder.Counter($"forward_{SafeText.Number(i + 1)}"));
    }

    private void Write(ChainText chain, PortForward forward, string counter)
    {
        var match = forward.IsDisabled ? null : rules.Match(forward.Source, forward.Destination, forward.Protocols, [], forward.IsIPv6);
        var standing =
            forward.IsDisabled ? RuleStanding.Disabled
            : match is null ? RuleStanding.Unresolved
            : RuleStanding.Active;
        builder.Rules.Add(
            new CompiledRule(counter, "forward", "", forward.Interface, "translate", forward.Description, forward.Line, standing)
        );
        var comment = forward.Description.Length > 0 ? forward.Description : $"port forward of line {SafeText.Number(forward.Line)}";
        if (standing == RuleStanding.Unresolved)
            chain.Remark($"not applied, an interface has no address yet or an alias no values: {comment}");
        if (match is null)
            return;
        var count = $"counter name \"{counter}\"";
        if (forward.NoRedirect)
        {
            chain.Rule($"iifname @if_{forward.Interface} {match} {count} accept", comment);
            return;
        }
        var pass = forward.Passes ? $"ct mark set ct mark | {SafeText.Hex(FlowMark.PassedByForward)}" : "";
        var translate = Translation(forward);
        chain.Rule(RuleText.Join($"iifname @if_{forward.Interface}", match, count, pass, translate), comment);
        if (forward.Reflection == NatReflection.Disabled || network.Names.All(n => n == forward.Interface))
            return;
        HasReflected |= forward.Reflection == NatReflection.Translated;
        var bits =
            (forward.Passes ? FlowMark.PassedByForward : 0) | (forward.Reflection == NatReflection.Translated ? FlowMark.Reflected : 0);
        var mark = bits == 0 ? "" : $"ct mark set ct mark | {SafeText.Hex(bits)}";
        chain.Rule(
            RuleText.Join($"iifname @configured iifname != @if_{forward.Interface}", match, count, mark, translate),
            $"reflection: {comment}"
        );
    }

    private static string Translation(PortForward forward)
    {
        var family = forward.IsIPv6 ? "ip6" : "ip";
        var header = RuleText.Header(forward.Protocols);
        if (forward.Targets is [{ IsLoopback: true }])
            return forward.LocalPort is { } own ? $"redirect to :{SafeText.Number(own)}" : "redirect";
        if (
            forward is { LocalPort: { } first, Destination.Ports: [var range] }
            && range.First != range.Last
            && forward.Targets is [var one]
        )
        {
            var ports = Enumerable
                .Range(0, range.Last - range.First + 1)
                .Select(n => $"{SafeText.Number(range.First + n)} : {one.AddressText} . {SafeText.Number(first + n)}");
            return $"dnat {family} to {header} dport map {{ {string.Join(", ", ports)} }}";
        }
        if (forward.Targets is [var target])
            return forward.LocalPort is { } port
                ? $"dnat {family} to {(forward.IsIPv6 ? $"[{target.AddressText}]" : target.AddressText)}:{SafeText.Number(port)}"
                : $"dnat {family} to {target.AddressText}";
        var servers = forward.Targets.Select(
            (t, n) => $"{SafeText.Number(n)} : {t.AddressText}{(forward.LocalPort is { } port ? $" . {SafeText.Number(port)}" : "")}"
        );
        return $"dnat {family} to numgen inc mod {SafeText.Number(forward.Targets.Length)} map {{ {string.Join(", ", servers)} }}";
    }
}
