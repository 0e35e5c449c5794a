using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes 1:1 and IPv6 prefix translation: both directions of each.</summary>
internal sealed class PrefixTranslationText(RuleText rules, RulesetBuilder builder)
{
    public void Write(ChainText incoming, ChainText outgoing, string section, ImmutableArray<PrefixTranslation> translations)
    {
        for (var i = 0; i < translations.Length; i++)
            Write(incoming, outgoing, section, translations[i], builder.Counter($"{section}_{SafeText.Number(i + 1)}"));
    }

    private void Write(ChainText incoming, ChainText outgoing, string section, PrefixTranslation t, string counter)
    {
        var ipv6 = t.Internal.IsIPv6;
        var from = t.IsDisabled ? null : rules.Side(t.Destination, "saddr", ipv6);
        var to = t.IsDisabled ? null : rules.Side(t.Destination, "daddr", ipv6);
        var standing =
            t.IsDisabled ? RuleStanding.Disabled
            : from is null || to is null ? RuleStanding.Unresolved
            : RuleStanding.Active;
        builder.Rules.Add(new CompiledRule(counter, section, "", t.Interface, "translate", t.Description, t.Line, standing));
        if (standing != RuleStanding.Active)
            return;
        var comment = t.Description.Length > 0 ? t.Description : $"{section} of line {SafeText.Number(t.Line)}";
        var family = ipv6 ? "ip6" : "ip";
        var (inside, outside) = (Text(t.Internal), Text(t.External));
        var count = $"counter name \"{counter}\"";
        var leaving = RuleText.Join($"oifname @if_{t.Interface} {family} saddr {inside}", to!, count);
        if (t.IsException)
        {
            outgoing.Rule($"{leaving} accept", comment);
            return;
        }
        var coming = RuleText.Join($"{family} daddr {outside}", from!, count);
        var (forth, back) = t.Internal.IsHost
            ? ($"snat {family} to {outside}", $"dnat {family} to {inside}")
            : (
                $"snat {family} prefix to {family} saddr map {{ {inside} : {outside} }}",
                $"dnat {family} prefix to {family} daddr map {{ {outside} : {inside} }}"
            );
        outgoing.Rule($"{leaving} {forth}", comment);
        incoming.Rule($"iifname @if_{t.Interface} {coming} {back}", comment);
        if (t.Reflects)
            incoming.Rule($"iifname @configured iifname != @if_{t.Interface} {coming} {back}", $"reflection: {comment}");
    }

    private static string Text(AddressPrefix prefix) => prefix.IsHost ? prefix.AddressText : prefix.ToString();
}
