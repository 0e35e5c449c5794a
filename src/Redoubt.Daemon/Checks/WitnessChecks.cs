using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.Checks;

/// <summary>
/// <c>failover/witness</c> as health checks, one for each interface that has witnesses: who reaches none of them there says so in its ledger, and the election does the
/// rest. Their names hold a space, which no configured check's can.
/// </summary>
internal static class WitnessChecks
{
    /// <summary>Demotion of a node that reaches no witness of an interface.</summary>
    public const int Weight = 100;

    /// <summary>
    /// How long a node that is not sure gives others time to notice the same: a witness that is gone is missed by the second ping after it, and found again by the second one, too, and
    /// nodes ping up to a second apart.
    /// </summary>
    public static readonly TimeSpan Doubt = TimeSpan.FromSeconds(2.5);

    /// <summary>Whether a check is one of these.</summary>
    public static bool IsOne(HealthCheck check) => check.Name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>After a result: a first failure that is none yet, and success that has just been believed again.</summary>
    /// <param name="passes">The verdict now.</param>
    /// <param name="error">The result.</param>
    /// <param name="isNews">The verdict is another one than before.</param>
    public static bool IsUnsure(bool? passes, string? error, bool isNews) => passes == true && (error is not null || isNews);

    private const string Prefix = "witness ";
    private const string Elsewhere = "elsewhere";

    /// <summary>The checks of a configuration.</summary>
    public static IEnumerable<HealthCheck> Of(NodeConfiguration configuration) =>
        configuration
            .Redoubt.Witnesses.GroupBy(w => InterfaceOf(configuration, w))
            .Select(g => new HealthCheck(Prefix + g.Key, HealthCheckType.Ping, string.Join(' ', g.Select(w => w.AddressText)), Weight)
            {
                Interval = TimeSpan.FromSeconds(1),
                Timeout = TimeSpan.FromSeconds(1),
                Rise = 2,
                Fall = 2,
            });

    private static string InterfaceOf(NodeConfiguration configuration, AddressPrefix witness) =>
        configuration.Interfaces.FirstOrDefault(i => Holds(i.IPv4, witness) || Holds(i.IPv6, witness))?.Name ?? Elsewhere;

    private static bool Holds(AddressPrefix? own, AddressPrefix witness) => own is { } address && address.Network.Contains(witness.Host);
}
