using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// Writes filter rules. New connections meet, in this order: floating rules with quick, rules of the interface's groups, rules of the interface
/// (the first match decides), then floating rules without quick, last one first: that is what "the last match decides" comes to
/// when only the first match counts.
/// </summary>
internal sealed class FilterText
{
    private const string LogPace = "limit rate 20/second burst 50 packets";
    private readonly NodeConfiguration _configuration;
    private readonly NetworkView _network;
    private readonly AddressSets _sets;
    private readonly RuleText _text;
    private readonly RulesetContext _context;
    private readonly RulesetBuilder _builder;
    private readonly List<ActiveRule> _active = [];
    private readonly bool _someAllowOptions;
    private int _rules;

    public FilterText(
        NodeConfiguration configuration,
        RulesetContext context,
        NetworkView network,
        AddressSets sets,
        RuleText text,
        RulesetBuilder builder
    )
    {
        (_configuration, _context, _network, _sets, _text, _builder) = (configuration, context, network, sets, text, builder);
        foreach (var rule in configuration.FilterRules)
            Consider(rule);
        _someAllowOptions = _active.Exists(a => a.Rule.AllowOptions && a.Rule.Action == RuleAction.Pass);
        HasOverload = _active.Exists(a => a.Rule.Limits.RateConnections > 0);
        if (HasOverload)
            LimitText.WriteOverloadSets(builder);
        Stateless = Reaching(r => r is { Action: RuleAction.Pass, StateType: RuleStateType.None });
    }

    /// <summary>Says that a rule shuts out sources.</summary>
    public bool HasOverload { get; }

    /// <summary>Interfaces that have a rule which passes packets without a state.</summary>
    public IReadOnlySet<string> Stateless { get; }

    /// <summary>Gateways that rules in force use.</summary>
    public IEnumerable<string> Gateways => _active.Select(a => a.Rule.Gateway).Where(g => g.Length > 0).Distinct();

    /// <summary>When a schedule changes what is in force.</summary>
    public DateTime? NextChange { get; private set; }

    public void Write()
    {
        if (_someAllowOptions)
        {
            var chain = _builder.Chain("pass_plain", "", "passes what has no IP options");
            WriteOptions(chain);
            chain.Rule("accept");
        }
        WriteFloating("floating", "iifname", RuleDirection.In);
        foreach (var group in _configuration.Firewall.Groups.Where(g => Of(g.Name).Any()))
            WriteList(group.Name);
        foreach (var name in _network.Names)
        {
            WriteList(name);
            WriteIncoming(name);
        }
        WriteOutgoing();
        new FilterVariants(_builder, _network, _text, _active, Lists).Write(Reaching(r => r.Gateway.Length > 0), Stateless, GatewayMark);
    }

    /// <summary>The lists that packets of an interface meet, in order: "floating", groups, the interface.</summary>
    private List<string> Lists(string name) =>
        [
            .. _active.Exists(IsFloatingIn) ? ["floating"] : Array.Empty<string>(),
            .. _configuration.Firewall.Groups.Where(g => g.Members.Contains(name) && Of(g.Name).Any()).Select(g => g.Name),
            name,
        ];

    private static bool IsFloatingIn(ActiveRule a) => a.Rule is { IsFloating: true, Direction: not RuleDirection.Out };

    private SortedSet<string> Reaching(Func<FilterRule, bool> which)
    {
        var wanted = _active.Where(a => which(a.Rule) && a.Rule.Direction != RuleDirection.Out).ToList();
        var names = wanted.SelectMany(a => a.Rule.Interfaces.IsEmpty ? _network.Names : a.Rule.Interfaces.SelectMany(_network.Members));
        return new SortedSet<string>(names, StringComparer.Ordinal);
    }

    private IEnumerable<ActiveRule> Of(string name) => _active.Where(a => !a.Rule.IsFloating && a.Rule.Interfaces[0] == name);

    private void Consider(FilterRule rule)
    {
        _rules++;
        var tracker = SafeText.Tracker(rule.Tracker);
        var counter = _builder.Counter(tracker.Length > 0 ? $"rule_{tracker}" : $"rule_n{SafeText.Number(_rules)}");
        var conditions = Conditions(rule);
        var standing = Standing(rule, conditions);
        if (standing is RuleStanding.Active or RuleStanding.Unresolved)
            _active.Add(new ActiveRule(rule, counter, standing == RuleStanding.Active ? conditions : []));
        _builder.Rules.Add(
            new CompiledRule(
                counter,
                "filter",
                rule.Tracker,
                rule.Interfaces.IsEmpty ? "any" : string.Join(',', rule.Interfaces),
                rule.Action.ToString().ToLowerInvariant(),
                rule.Description,
                rule.Line,
                standing
            )
        );
    }

    private ImmutableArray<string> Conditions(FilterRule rule)
    {
        if (rule.IsDisabled)
            return [];
        var conditions = ImmutableArray.CreateBuilder<string>(2);
        if (rule.IPv4 && _text.Match(rule, ipv6: false) is { } ipv4)
            conditions.Add(ipv4);
        if (rule.IPv6 && _text.Match(rule, ipv6: true) is { } ipv6)
            conditions.Add(ipv6);
        return conditions.ToImmutable();
    }

    private RuleStanding Standing(FilterRule rule, ImmutableArray<string> conditions)
    {
        if (rule.IsDisabled)
            return RuleStanding.Disabled;
        if (rule.Schedule.Length > 0)
        {
            var schedule = _configuration.Schedules.FirstOrDefault(s => s.Name == rule.Schedule);
            if (schedule is null || _context.LocalTime is not { } now)
                return RuleStanding.OutOfSchedule;
            var next = schedule.NextChange(now);
            NextChange = NextChange is { } earlier && earlier < next ? earlier : next;
            if (!schedule.IsActive(now))
                return RuleStanding.OutOfSchedule;
        }
        return conditions.IsEmpty ? RuleStanding.Unresolved : RuleStanding.Active;
    }

    private void WriteFloating(string name, string device, RuleDirection direction)
    {
        var floating = _active
            .Where(a => a.Rule.IsFloating && (a.Rule.Direction == direction || a.Rule.Direction == RuleDirection.Any))
            .ToList();
        if (floating.Count == 0)
            return;
        var egress = direction == RuleDirection.Out;
        var chain = _builder.Chain(name, "", "floating rules: the first match decides");
        foreach (var a in floating)
        {
            if (a.Rule.Quick || a.Rule.Action == RuleAction.Match)
                WriteRule(chain, a, _network.Condition(device, a.Rule.Interfaces), egress);
            else if (a.Rule.Tag.Length > 0)
            {
                foreach (var condition in a.Conditions)
                    chain.Rule(
                        RuleText.Join(_network.Condition(device, a.Rule.Interfaces), condition, _text.SetTag(a.Rule.Tag)),
                        "tag of a rule without quick"
                    );
            }
        }
        chain = _builder.Chain($"{name}_last", "", "floating rules without quick, the last one first");
        foreach (var a in Enumerable.Reverse(floating).Where(a => !a.Rule.Quick && a.Rule.Action != RuleAction.Match))
            WriteRule(chain, a, _network.Condition(device, a.Rule.Interfaces), egress);
    }

    private void WriteList(string name) =>
        RuleList.Write(
            _builder,
            $"rules_{name}",
            "the first match decides, for traffic to the node and through it",
            [.. Of(name)],
            (chain, a) => WriteRule(chain, a, "", egress: false)
        );

    private void WriteRule(ChainText chain, ActiveRule a, string device, bool egress)
    {
        var rule = a.Rule;
        var comment = rule.Description.Length > 0 ? rule.Description : $"{rule.Action} rule of line {SafeText.Number(rule.Line)}";
        if (a.Conditions.IsEmpty)
        {
            chain.Remark($"not applied, an interface has no address yet or an alias no values: {comment}");
            return;
        }
        var verdict = Verdict(a, egress);
        var mark = rule is { Action: RuleAction.Pass, NoPfsync: true }
            ? $"ct mark set ct mark | {SafeText.Hex(FlowMark.NotReplicated)}"
            : "";
        foreach (var condition in a.Conditions)
        {
            var match = RuleText.Join(device, condition);
            if (rule.Log)
                chain.Rule($"{match} {LogPace} log prefix \"{LogPrefix(rule)}\"");
            var counter = $"counter name \"{a.Counter}\"";
            if (rule.Action == RuleAction.Reject && !egress && rule.Protocols is [] or [6, 17])
                chain.Rule($"{match} meta l4proto tcp {counter} reject with tcp reset", comment);
            chain.Rule(RuleText.Join(match, counter, _text.SetTag(rule.Tag), mark, verdict), comment);
        }
    }

    private string Verdict(ActiveRule a, bool egress)
    {
        switch (a.Rule.Action)
        {
            case RuleAction.Match:
                return "";
            case RuleAction.Block:
                return "drop";
            case RuleAction.Reject:
                return egress ? "drop"
                    : a.Rule.Protocols is [6] ? "reject with tcp reset"
                    : "reject with icmpx port-unreachable";
        }
        var pass = a.Rule.AllowOptions || egress || !_someAllowOptions ? "accept" : "goto pass_plain";
        if (a.Rule.Limits.IsEmpty)
            return pass;
        a.LimitChain ??= LimitText.Write(_builder, a.Rule, a.Counter, pass);
        return $"goto {a.LimitChain}";
    }

    private static string LogPrefix(FilterRule rule)
    {
        var tracker = SafeText.Tracker(rule.Tracker);
        return $"redoubt {(tracker.Length > 0 ? tracker : "line-" + SafeText.Number(rule.Line))} {rule.Action.ToString().ToLowerInvariant()} ";
    }

    private void WriteIncoming(string name)
    {
        var chain = _builder.Chain($"in_{name}", "", "new connections that come in here");
        if (!_someAllowOptions)
            WriteOptions(chain);
        SourceText.Write(chain, _configuration.Interface(name)!, _context, _network, _sets);
        if (_text.UsesTags)
            chain.Rule($"meta mark set meta mark & {SafeText.Hex(~FlowMark.TagMask)}", "no tag yet");
        foreach (var list in Lists(name))
            chain.Rule(list == "floating" ? "jump floating" : $"jump rules_{list}");
        if (_active.Exists(a => IsFloatingIn(a) && !a.Rule.Quick))
            chain.Rule("jump floating_last");
    }

    // As pf: a packet with IP options passes only a rule that says so.
    private static void WriteOptions(ChainText chain)
    {
        chain.Rule("ip hdrlength > 5 drop", "IP options");
        chain.Rule("exthdr hbh exists drop", "hop-by-hop options");
        chain.Rule("exthdr rt exists drop", "routing header");
    }

    private void WriteOutgoing()
    {
        WriteFloating("floating_out", "oifname", RuleDirection.Out);
        if (!_active.Exists(a => a.Rule is { IsFloating: true, Direction: not RuleDirection.In }))
            return;
        var chain = _builder.Chain(
            "outgoing",
            "type filter hook postrouting priority srcnat + 10; policy accept;",
            "new connections that leave, translated already"
        );
        chain.Rule("ct state != new accept", "belongs to a connection, or is not tracked");
        chain.Rule("oifname != @configured accept");
        chain.Rule(
            "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report } accept",
            "neighbour discovery"
        );
        chain.Rule("jump floating_out");
        chain.Rule("jump floating_out_last");
    }

    private uint GatewayMark(string name) => (uint)_configuration.Gateways.Id(name) << FlowMark.GatewayShift;
}

/// <summary>A rule that is in force, with its conditions for each family; without any when nothing is known yet of what it names.</summary>
internal sealed class ActiveRule(FilterRule rule, string counter, ImmutableArray<string> conditions)
{
    public FilterRule Rule => rule;

    public string Counter => counter;

    public ImmutableArray<string> Conditions => conditions;

    /// <summary>The chain of its limits, once it is written.</summary>
    public string? LimitChain { get; set; }
}
