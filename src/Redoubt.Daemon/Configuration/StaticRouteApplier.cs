using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Events;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Static routes in the main table, marked as ours (protocol 0x52); routes of others are not touched. A route whose next hop cannot be reached now (a link is
/// down) is no reason to refuse a configuration: an alarm says so, and <see cref="Repair"/> sets it as soon as it can be.
/// </summary>
internal sealed class StaticRouteApplier(AlarmBoard alarms) : IConfigApplier
{
    private const string MissingAlarm = "static-routes";
    private static readonly Errno _unreachable = new(101); // ENETUNREACH
    private static readonly Errno _noRoute = new(113); // EHOSTUNREACH
    private readonly Lock _gate = new();
    private IReadOnlyList<StaticRoute> _wanted = [];

    /// <inheritdoc/>
    public string Name => "static routes";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } = ["staticroutes"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies)
    {
        StaticRouteReader.Read(next.Document, next.Configuration, "", out var problems);
        return problems.Select(ConfigSnapshot.Told);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next)
    {
        var before = current is null ? [] : Read(current);
        var after = Read(next);
        return [.. before.Except(after).Select(r => $"route removed: {r}"), .. after.Except(before).Select(r => $"route added: {r}")];
    }

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        lock (_gate)
        {
            var before = _wanted;
            _wanted = Read(next);
            if (Reconcile() is not { } error)
                return null;
            _wanted = before;
            Reconcile();
            return error;
        }
    }

    /// <summary>Sets what is missing, for instance after a link came back.</summary>
    public void Repair()
    {
        lock (_gate)
        {
            if (_wanted.Count > 0)
                Reconcile();
        }
    }

    /// <summary>Removes our routes.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _wanted = [];
            Reconcile();
        }
    }

    private static IReadOnlyList<StaticRoute> Read(ConfigSnapshot snapshot) =>
        StaticRouteReader.Read(snapshot.Document, snapshot.Configuration, "", out _);

    // What the kernel has is compared with what is wanted: a killed predecessor's routes are adopted or removed by this.
    private string? Reconcile()
    {
        try
        {
            using var netlink = new RouteNetlink();
            var links = netlink.Links().ToDictionary(l => l.Name, l => l.Index);
            var present = netlink.OurStaticRoutes().ToList();
            List<string> missing = [];
            foreach (var route in _wanted)
            {
                var device = links.GetValueOrDefault(route.Device);
                var index = present.FindIndex(p => IsOf(p, route));
                if (index >= 0)
                {
                    var there = present[index];
                    present.RemoveAt(index);
                    if (
                        there.Gateway == route.Gateway?.Address
                        && there.InterfaceIndex == (route.Gateway is null ? there.InterfaceIndex : device)
                    )
                        continue;
                }
                if (route.Gateway is not null && device == 0)
                {
                    missing.Add($"{route}: no such device");
                    continue;
                }
                var errno = netlink.ChangeStaticRoute(
                    add: true,
                    route.Network.Address,
                    route.Network.IsIPv6,
                    route.Network.Length,
                    route.Gateway?.Address,
                    device,
                    route.IsOnLink
                );
                if (
                    errno == _unreachable
                    || errno == _noRoute
                    || errno == Errno.NetworkDown
                    || errno == Errno.NoDevice
                    || errno == Errno.Invalid
                )
                    missing.Add($"{route}: {errno}");
                else if (!errno.IsSuccess)
                    return $"{route}: {errno}";
            }
            foreach (var left in present)
                netlink.ChangeStaticRoute(add: false, left.Network, left.IsIPv6, left.PrefixLength, left.Gateway, left.InterfaceIndex);
            if (missing.Count == 0)
                alarms.Clear(MissingAlarm);
            else
                alarms.Raise(MissingAlarm, $"static routes cannot be set yet: {string.Join("; ", missing.Take(5))}");
            return null;
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }

    private static bool IsOf(RouteInfo present, StaticRoute wanted) =>
        present.Network == wanted.Network.Address
        && present.PrefixLength == wanted.Network.Length
        && present.IsIPv6 == wanted.Network.IsIPv6;
}
