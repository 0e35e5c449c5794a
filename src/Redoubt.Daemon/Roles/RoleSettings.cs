using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.Roles;

/// <summary>What the configuration says about hooks and services.</summary>
/// <param name="Node">This node's name.</param>
/// <param name="HookDirectory">Absolute path.</param>
/// <param name="HookTimeout">How long one hook may take.</param>
/// <param name="Services">What runs on the master only.</param>
/// <param name="Advertisements">Router advertisements of the master.</param>
/// <param name="Subjects">Names of vhids and groups that are configured.</param>
internal sealed record RoleSettings(
    string Node,
    string HookDirectory,
    TimeSpan HookTimeout,
    ImmutableArray<RoleService> Services,
    ImmutableArray<RouterAdvertisement> Advertisements,
    IReadOnlySet<string> Subjects
)
{
    /// <summary>What a configuration says, and where a relative path leads from its file.</summary>
    public static RoleSettings Of(NodeConfiguration configuration, string file)
    {
        var settings = configuration.Redoubt;
        var beside = Path.GetDirectoryName(Path.GetFullPath(file))!;
        return new RoleSettings(
            configuration.Hostname,
            Path.Combine(beside, settings.Hooks.Directory),
            settings.Hooks.Timeout,
            settings.Services,
            settings.RouterAdvertisements,
            configuration.VirtualHosts.Select(h => h.Member).Concat(settings.Groups.Select(g => g.Name)).ToHashSet()
        );
    }
}
