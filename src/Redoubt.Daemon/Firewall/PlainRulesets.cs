using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Daemon.Firewall;

/// <summary>
/// What configurations compile to with all their schedules active and without tables from outside. The two that were asked for last are kept: a change is compared
/// with what is in force, and what it was compared as is loaded, without compiling either again. Safe from every thread.
/// </summary>
internal sealed class PlainRulesets
{
    private readonly Lock _gate = new();
    private Known? _last;
    private Known? _before;

    private sealed record Known(NodeConfiguration Configuration, RulesetContext Context, Ruleset Ruleset);

    /// <summary>Compiles, unless that was done for the same configuration and the same devices and addresses.</summary>
    public Ruleset Of(NodeConfiguration configuration, RulesetContext context)
    {
        lock (_gate)
        {
            if (Fits(_last, configuration, context))
                return _last!.Ruleset;
            if (Fits(_before, configuration, context))
                (_last, _before) = (_before, _last);
            else
                (_last, _before) = (new(configuration, context, RulesetCompiler.Build(WithoutSchedules(configuration), context)), _last);
            return _last!.Ruleset;
        }
    }

    /// <summary>Forgets all but this configuration, which is in force: a large one need not be held longer than it is of use.</summary>
    public void KeepOnly(NodeConfiguration configuration)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(_last?.Configuration, configuration))
                (_last, _before) = (_before, null);
            if (!ReferenceEquals(_last?.Configuration, configuration))
                _last = null;
            _before = null;
        }
    }

    /// <summary>Whether a rule of the configuration has a schedule.</summary>
    public static bool HasSchedules(NodeConfiguration configuration) => configuration.FilterRules.Any(r => r.Schedule.Length > 0);

    /// <summary>The configuration as if all its schedules were active.</summary>
    public static NodeConfiguration WithoutSchedules(NodeConfiguration configuration) =>
        HasSchedules(configuration)
            ? configuration with
            {
                FilterRules = [.. configuration.FilterRules.Select(r => r.Schedule.Length > 0 ? r with { Schedule = "" } : r)],
            }
            : configuration;

    // Configurations are immutable, and read anew for each change: the same object is the same configuration.
    private static bool Fits(Known? known, NodeConfiguration configuration, RulesetContext context) =>
        known is not null && ReferenceEquals(known.Configuration, configuration) && Same(known.Context, context);

    private static bool Same(RulesetContext a, RulesetContext b) =>
        a with { Interfaces = [], LocalTime = null } == b with { Interfaces = [], LocalTime = null }
        && a.Interfaces.Length == b.Interfaces.Length
        && a.Interfaces.Zip(b.Interfaces)
            .All(p =>
                p.First.Name == p.Second.Name
                && p.First.Devices.SequenceEqual(p.Second.Devices)
                && p.First.Addresses.SequenceEqual(p.Second.Addresses)
            );
}
