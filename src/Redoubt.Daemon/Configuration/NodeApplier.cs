using Redoubt.Control;
using Redoubt.Core.Failover;
using Redoubt.Daemon.Events;
using Redoubt.Daemon.Firewall;
using Redoubt.Daemon.Roles;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Firewall, virtual addresses, state sync: the running <see cref="Node"/>. Where only rules differ, one nftables transaction replaces them;
/// otherwise the node hands over and is started anew in this process, and where the kernel refuses the new one, the old one comes back.
/// </summary>
internal sealed class NodeApplier(string stateDirectory, Maintenance maintenance, EventLog events, AlarmBoard alarms, RoleWorker roles)
    : IConfigApplier,
        IDisposable
{
    private readonly Lock _gate = new();
    private readonly PlainRulesets _plain = new();
    private Node? _node;
    private volatile bool _isDamaged;

    /// <inheritdoc/>
    public string Name => "firewall and virtual addresses";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } =
    ["interfaces", "virtualip", "filter", "nat", "aliases", "schedules", "gateways", "ifgroups", "hasync", "redoubt"];

    /// <summary>The node that runs; waits while it is being started anew.</summary>
    public Node Current
    {
        get
        {
            lock (_gate)
                return _node!;
        }
    }

    /// <summary>Starts the node; throws <see cref="KernelException"/> where it cannot. A damaged configuration demotes it.</summary>
    public void Start(ConfigSnapshot snapshot, bool isDamaged)
    {
        _isDamaged = isDamaged;
        lock (_gate)
            _node = StartNode(snapshot);
    }

    /// <summary>The configuration file is whole again.</summary>
    public void Repaired()
    {
        _isDamaged = false;
        Current.PostDemotion(ConfigStore.DemotionReason, 0);
    }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies)
    {
        // A transaction is its own check; a node that is to be started anew must not be stopped for rules that will not load.
        if (applies && current is not null && !Node.NeedsRestart(current.Configuration, next.Configuration))
            yield break;
        var check = Node.CheckRules(next.Configuration);
        if (!check.Succeeded)
            yield return new ConfigProblem("error", 0, "filter", $"the kernel refuses the rules: {FirstLines(check.Error)}");
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next) =>
        current is null
            ? ["the node starts"]
            : Node.Compare(current.Configuration, next.Configuration, _plain) switch
            {
                NodeChange.None => [],
                NodeChange.Rules => ["the rules are replaced"],
                _ => ["the node is started anew"],
            };

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        lock (_gate)
        {
            if (_node!.TryReload(next.Configuration, next.Secret, _plain) is { } replaced)
            {
                _plain.KeepOnly(replaced.Succeeded || current is null ? next.Configuration : current.Configuration);
                return replaced.Succeeded ? null : $"the rules were refused: {FirstLines(replaced.Error)}";
            }
            _plain.KeepOnly(next.Configuration);
            _node.Stop();
            _node.Dispose();
            try
            {
                _node = StartNode(current is null ? next : next with { Configuration = next.Configuration.After(current.Configuration) });
                return null;
            }
            catch (KernelException e) when (current is not null)
            {
                _node = StartNode(current);
                return e.Message;
            }
        }
    }

    /// <summary>Hands over and stops.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _node?.Stop(isFinal: true);
            _node?.Dispose();
            _node = null;
        }
    }

    private Node StartNode(ConfigSnapshot snapshot) =>
        Node.Start(
            snapshot.Configuration,
            snapshot.Secret,
            stateDirectory,
            maintenance,
            events,
            alarms,
            roles,
            _isDamaged ? [new Demotion(ConfigStore.DemotionReason, DemotionLedger.FullDemotion, default)] : []
        );

    private static string FirstLines(string text) => text.Length > 500 ? text[..500] + "..." : text;
}
