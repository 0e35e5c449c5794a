using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Configuration;

namespace Redoubt.Daemon.Roles;

/// <summary>Brings redoubt/hooks, redoubt/failover/service and redoubt/failover/routeradvertisement to the worker.</summary>
internal sealed class RoleApplier(RoleWorker worker, string file) : IConfigApplier
{
    /// <inheritdoc/>
    public string Name => "hooks and services";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } = ["redoubt"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies) =>
        File.Exists(RouterAdvertisement.Program)
            ? []
            : next.Configuration.Redoubt.RouterAdvertisements.Select(a => ConfigSnapshot.Told(a.WithoutProgram(file)));

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next)
    {
        var before = current?.Configuration.Redoubt;
        var after = next.Configuration.Redoubt;
        return
        [
            .. (before?.Services ?? []).Except(after.Services).Select(s => $"service ended: {s.Name}"),
            .. after.Services.Except(before?.Services ?? []).Select(s => $"service begun: {s.Name}"),
            .. (before?.RouterAdvertisements ?? [])
                .Except(after.RouterAdvertisements)
                .Select(r => $"router advertisements ended: {r.Interface}"),
            .. after
                .RouterAdvertisements.Except(before?.RouterAdvertisements ?? [])
                .Select(r => $"router advertisements begun: {r.Interface}"),
            .. before?.Hooks != after.Hooks || Differs(current, next) ? [$"hooks are read from {after.Hooks.Directory}"] : (string[])[],
        ];
    }

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        worker.Apply(RoleSettings.Of(next.Configuration, file));
        return null;
    }

    // Names that hooks are told, and vhids and groups that may be forgotten.
    private bool Differs(ConfigSnapshot? current, ConfigSnapshot next)
    {
        if (current is null)
            return true;
        var (a, b) = (RoleSettings.Of(current.Configuration, file), RoleSettings.Of(next.Configuration, file));
        return a.Node != b.Node || !a.Subjects.SetEquals(b.Subjects);
    }
}
