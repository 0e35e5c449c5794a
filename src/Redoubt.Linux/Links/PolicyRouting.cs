using Redoubt.Core.Firewall;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Links;

/// <summary>
/// Keeps the kernel's routing rules and tables as rules with gateways need them. What is marked as ours and not wanted goes, also what a
/// predecessor left; the kernel itself takes a route away when its device fails.
/// </summary>
public static class PolicyRouting
{
    /// <summary>Makes the kernel's state the wanted one; returns what could not be done, a line each.</summary>
    public static IReadOnlyList<string> Apply(IReadOnlyList<PolicyRoute> wanted)
    {
        using var netlink = new RouteNetlink();
        List<string> failures = [];
        var rules = wanted.Select(w => new PolicyRule(w.Mark, w.Table, w.IsIPv6)).ToHashSet();
        var existing = netlink.PolicyRules();
        var defaults = wanted.SelectMany(w => w.Hops.Select(h => new PolicyDefault(w.Table, h.Tier, w.IsIPv6))).ToHashSet();
        if (wanted.Count == 0 && existing.Count == 0)
            return failures;
        // Rules go before their routes and come after them: nobody looks into a half-filled table.
        foreach (var gone in existing.Where(r => !rules.Contains(r)))
            Tell(failures, netlink.ChangePolicyRule(add: false, gone), $"remove rule for table {gone.Table}");
        foreach (var gone in netlink.PolicyDefaults().Where(r => !defaults.Contains(r)))
            Tell(failures, netlink.RemovePolicyDefault(gone), $"remove route of table {gone.Table}");
        var links = netlink.Links().ToDictionary(l => l.Name, l => l.Index);
        foreach (var route in wanted)
        {
            foreach (var tier in route.Hops.GroupBy(h => h.Tier))
            {
                var hops = tier.Where(h => links.ContainsKey(h.Device)).Select(h => (h, links[h.Device])).ToList();
                if (hops.Count > 0)
                    Tell(
                        failures,
                        netlink.SetPolicyDefault(new PolicyDefault(route.Table, tier.Key, route.IsIPv6), hops),
                        $"route by gateway {route.Name}"
                    );
            }
        }
        foreach (var missing in rules.Except(existing))
            Tell(failures, netlink.ChangePolicyRule(add: true, missing), $"rule for table {missing.Table}");
        return failures;
    }

    private static void Tell(List<string> failures, Errno errno, string what)
    {
        if (!errno.IsSuccess && errno != Errno.Exists && errno != Errno.NoEntry && errno != Errno.NoSuchProcess)
            failures.Add($"{what}: {errno}");
    }
}
