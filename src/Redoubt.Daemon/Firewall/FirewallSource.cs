using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Daemon.Firewall;

/// <summary>
/// Compiles the firewall with what the running node knows, and says when it would come out differently: a schedule's next change, the clock set
/// back, an alias file. Used by the thread that reloads and by the reconciler; one at a time.
/// </summary>
internal sealed class FirewallSource(
    NodeConfiguration configuration,
    Func<NodeConfiguration, RulesetContext> context,
    string stateDirectory
)
{
    private readonly Lock _gate = new();
    private readonly AliasFiles _files = new(stateDirectory);
    private NodeConfiguration _configuration = configuration;
    private DateTime _compiledAt;
    private DateTime? _nextChange;

    /// <summary>Compiles the configuration in force.</summary>
    public Ruleset Compile() => Compile(_configuration);

    /// <summary>
    /// Compiles a configuration, which becomes the one in force with <see cref="Adopt"/>. Where neither time nor files have a say in it, <paramref name="plain"/> may
    /// have it already.
    /// </summary>
    public Ruleset Compile(NodeConfiguration configuration, PlainRulesets? plain = null)
    {
        lock (_gate)
        {
            _compiledAt = Now(configuration.Firewall.TimeZone);
            var node = context(configuration);
            var tables = _files.Read(configuration);
            var ruleset =
                plain is not null && tables.IsEmpty && !PlainRulesets.HasSchedules(configuration)
                    ? plain.Of(configuration, node)
                    : RulesetCompiler.Build(configuration, node with { LocalTime = _compiledAt, Tables = tables });
            _nextChange = ruleset.NextChange;
            return ruleset;
        }
    }

    /// <summary>The kernel has taken what was compiled from that configuration.</summary>
    public void Adopt(NodeConfiguration configuration)
    {
        lock (_gate)
            _configuration = configuration;
    }

    /// <summary>The kernel has refused what was compiled last: the configuration in force is compiled again in the next round.</summary>
    public void Reject()
    {
        lock (_gate)
            _nextChange = DateTime.MinValue;
    }

    /// <summary>The ruleset as it has to be now; null where nothing has happened that could change it.</summary>
    public Ruleset? CompileIfDue()
    {
        lock (_gate)
        {
            var now = Now(_configuration.Firewall.TimeZone);
            var due = _nextChange is { } next && (now >= next || now < _compiledAt);
            return due || _files.HaveChanged(_configuration) ? Compile(_configuration) : null;
        }
    }

    /// <summary>Whether two configurations make the same firewall at any time.</summary>
    public static bool Same(NodeConfiguration a, RulesetContext inA, NodeConfiguration b, RulesetContext inB, PlainRulesets plain)
    {
        var (first, second) = (plain.Of(a, inA), plain.Of(b, inB));
        return first.HasTextOf(second)
            && first.Routes.SequenceEqual(second.Routes)
            && a.Firewall.TimeZone == b.Firewall.TimeZone
            && a.FilterRules.Select(r => r.Schedule).SequenceEqual(b.FilterRules.Select(r => r.Schedule))
            && Times(a).SequenceEqual(Times(b));
    }

    private static IEnumerable<string> Times(NodeConfiguration configuration) =>
        configuration.Schedules.SelectMany(s =>
            s.Ranges.Select(r => $"{s.Name} {r.Weekdays} {string.Join(',', r.Dates)} {r.Start} {r.End}")
        );

    private static DateTime Now(string zone) =>
        TimeZoneInfo
            .ConvertTime(
                DateTimeOffset.UtcNow,
                zone.Length > 0 && TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found) ? found : TimeZoneInfo.Local
            )
            .DateTime;
}
