using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Roles;

namespace Redoubt.Daemon.Election;

/// <summary>What hooks and services are told. Heartbeats or not, a failover group is the configuration's; a vhid in none is one of its own.</summary>
internal sealed partial class ElectionLoop
{
    private readonly List<RoleGroup> _roleGroups;

    private sealed class RoleGroup(string name, IReadOnlyList<string> members, IReadOnlyList<ElectionHost> hosts)
    {
        public string Name { get; } = name;

        public IReadOnlyList<string> Members { get; } = members;

        public IReadOnlyList<ElectionHost> Hosts { get; } = hosts;

        public CarpState? Told { get; set; }

        public long ToldEpoch { get; set; }
    }

    private List<RoleGroup> RoleGroups(NodeConfiguration configuration)
    {
        List<RoleGroup> groups = [];
        foreach (var group in configuration.Redoubt.Groups)
        {
            List<ElectionHost> hosts = [.. _hosts.Where(h => group.Members.Contains(h.Configuration.Member))];
            if (hosts.Count > 0)
                groups.Add(new RoleGroup(group.Name, [.. group.Members], hosts));
        }
        foreach (var alone in _hosts.Except(groups.SelectMany(g => g.Hosts)).GroupBy(h => h.Configuration.Member).ToList())
            groups.Add(new RoleGroup(alone.Key, [alone.Key], [.. alone]));
        foreach (var group in groups)
        {
            foreach (var host in group.Hosts)
                host.RoleGroup = group.Name;
        }
        return groups;
    }

    private void TellRole(ElectionHost host)
    {
        var configuration = host.Configuration;
        var isFirst = !host.IsTold;
        host.IsTold = true;
        _reports.RoleChanged(
            new RoleChange
            {
                Subject = configuration.Member + (configuration.IsVrrp6 ? RoleWorker.VrrpSuffix : ""),
                Name = configuration.Member,
                IsGroup = false,
                State = host.Machine.State,
                Reason = ReasonText(host),
                Group = host.RoleGroup,
                Device = configuration.Device,
                Vhid = configuration.Vhid,
                Epoch = EpochOf(host),
                Arguments = host.RoleArguments,
                IsFirst = isFirst,
            }
        );
    }

    private void TellGroupRoles(bool anyMoved)
    {
        foreach (var group in _roleGroups)
        {
            var epoch = EpochOf(group.Hosts[0]) ?? 0;
            if (!anyMoved && epoch == group.ToldEpoch)
                continue;
            var state = Combine(group);
            // A newer epoch that is not ours: another node was master, too, while we could not hear it. Its hooks may have moved what lies
            // outside of both nodes, so those of the one that stays run once more.
            var claimedElsewhere = state == CarpState.Master && group.Told == state && epoch > group.ToldEpoch;
            group.ToldEpoch = epoch;
            if (state == group.Told && !claimedElsewhere)
                continue;
            foreach (var host in group.Hosts)
            {
                if (claimedElsewhere && host.IsMaster)
                    TellRole(host);
            }
            var isFirst = group.Told is null;
            group.Told = state;
            TellGroupRole(group, state, isFirst);
        }
    }

    private void TellGroupRole(RoleGroup group, CarpState state, bool isFirst)
    {
        var speaker = group.Hosts[0];
        foreach (var host in group.Hosts)
        {
            if (host.Machine.State == state)
                speaker = host;
        }
        _reports.RoleChanged(
            new RoleChange
            {
                Subject = RoleWorker.GroupPrefix + group.Name,
                Name = group.Name,
                IsGroup = true,
                State = state,
                Reason = ReasonText(speaker),
                Group = group.Name,
                Epoch = EpochOf(speaker),
                Arguments = [group.Name, .. group.Members],
                IsFirst = isFirst,
            }
        );
    }

    private static CarpState Combine(RoleGroup group)
    {
        var (any, all) = (false, true);
        foreach (var host in group.Hosts)
        {
            any |= host.Machine.State != CarpState.Init;
            all &= host.Machine.State != CarpState.Backup;
        }
        return RoleChange.Combine(any, all);
    }

    private long? EpochOf(ElectionHost host) => _coordinator?.Groups[host.Group].Epoch;
}
