using System.Globalization;
using System.Text;

namespace Redoubt.Control;

/// <summary>
/// The status as metrics in Prometheus' text format (exposition format 0.0.4). Every name is given here and nowhere else.
/// </summary>
public static class Metrics
{
    /// <summary>Every metric's name, type and meaning, in the order in which they are written.</summary>
    public static IReadOnlyList<(string Name, string Type, string Help)> Names { get; } =
    [
        ("redoubt_info", "gauge", "Always 1; the labels say node and version."),
        ("redoubt_health", "gauge", "0 healthy, 1 degraded, 2 failed."),
        ("redoubt_enabled", "gauge", "1 where elections take place."),
        ("redoubt_maintenance", "gauge", "1 in maintenance mode."),
        ("redoubt_demotion", "gauge", "The node's demotion."),
        ("redoubt_vip_master", "gauge", "1 where this node is MASTER of the virtual host."),
        ("redoubt_vip_since_seconds", "gauge", "Unix time of the virtual host's last transition."),
        ("redoubt_advertisements_total", "counter", "Advertisements received and sent, by interface."),
        ("redoubt_check_passes", "gauge", "1 where a health check passes, 0 where it fails."),
        ("redoubt_states", "gauge", "Replicated states known."),
        ("redoubt_states_total", "counter", "Counters of the state sync, by name."),
        ("redoubt_states_peer_alive", "gauge", "1 where the peer is heard."),
        ("redoubt_states_peer_in_sync", "gauge", "1 where the peer holds all states of this node, and the other way round."),
        ("redoubt_states_peer_lag_seconds", "gauge", "Time from sending to the peer's kernel, by quantile over the last minutes."),
        ("redoubt_states_peer_oldest_seconds", "gauge", "Age of the oldest change that the peer has not acknowledged."),
        ("redoubt_states_peer_resent_total", "counter", "Datagrams sent again."),
        ("redoubt_states_peer_repaired_total", "counter", "States told or asked for because the tables differed."),
        ("redoubt_states_peer_equal", "gauge", "1 where both tables were the same when they were last compared."),
        ("redoubt_hooks_total", "counter", "Hooks by how they ended."),
    ];

    /// <summary>The metrics of a status; lines end with a newline.</summary>
    public static string Of(NodeStatus status)
    {
        var values = new Dictionary<string, List<(string Labels, double Value)>>();
        void Add(string name, double? value, params ReadOnlySpan<(string Name, string Value)> labels)
        {
            if (value is not { } number)
                return;
            if (!values.TryGetValue(name, out var list))
                values[name] = list = [];
            list.Add((Labels(labels), number));
        }

        Add("redoubt_info", 1, ("node", status.Node), ("version", status.Version));
        Add("redoubt_health", (int)status.Health);
        Add("redoubt_enabled", One(status.Carp.Enabled));
        Add("redoubt_maintenance", One(status.Carp.Maintenance));
        Add("redoubt_demotion", status.Carp.Demotion);
        foreach (var vip in status.Carp.Vips)
        {
            var vhid = vip.Vhid.ToString(CultureInfo.InvariantCulture);
            var protocol = vip.Protocol ?? "carp";
            Add(
                "redoubt_vip_master",
                One(vip.State == VipState.Master),
                ("interface", vip.Interface),
                ("vhid", vhid),
                ("protocol", protocol)
            );
            Add(
                "redoubt_vip_since_seconds",
                vip.Since.ToUnixTimeMilliseconds() / 1000.0,
                ("interface", vip.Interface),
                ("vhid", vhid),
                ("protocol", protocol)
            );
        }
        foreach (var counters in status.Carp.Counters)
        {
            Add("redoubt_advertisements_total", counters.Received, ("interface", counters.Interface), ("direction", "received"));
            Add("redoubt_advertisements_total", counters.Sent, ("interface", counters.Interface), ("direction", "sent"));
        }
        foreach (var check in status.Checks)
            Add("redoubt_check_passes", check.Passes is { } passes ? One(passes) : null, ("check", check.Name));
        AddStates(status.StateSync, Add);
        Add("redoubt_hooks_total", status.Carp.Hooks.Completed, ("outcome", "completed"));
        Add("redoubt_hooks_total", status.Carp.Hooks.Failed, ("outcome", "failed"));
        Add("redoubt_hooks_total", status.Carp.Hooks.TimedOut, ("outcome", "timed out"));
        return Text(values);
    }

    private delegate void Adder(string name, double? value, params ReadOnlySpan<(string Name, string Value)> labels);

    private static void AddStates(StateSyncStatus sync, Adder add)
    {
        add("redoubt_states", sync.Entries);
        foreach (var (name, value) in sync.Counters)
            add("redoubt_states_total", value, ("counter", name));
        foreach (var peer in sync.Peers)
        {
            (string, string) label = ("peer", peer.Address);
            add("redoubt_states_peer_alive", One(peer.Alive), label);
            add("redoubt_states_peer_in_sync", One(peer.InSync), label);
            add("redoubt_states_peer_lag_seconds", peer.LagMedianMs / 1000, label, ("quantile", "0.5"));
            add("redoubt_states_peer_lag_seconds", peer.LagHighMs / 1000, label, ("quantile", "0.99"));
            add("redoubt_states_peer_oldest_seconds", peer.OldestMs / 1000, label);
            add("redoubt_states_peer_resent_total", peer.Resent, label);
            add("redoubt_states_peer_repaired_total", peer.Repaired, label);
            add("redoubt_states_peer_equal", peer.Tables is { } tables ? One(tables == "equal") : null, label);
        }
    }

    private static string Text(Dictionary<string, List<(string Labels, double Value)>> values)
    {
        var text = new StringBuilder();
        foreach (var (name, type, help) in Names)
        {
            if (!values.TryGetValue(name, out var list))
                continue;
            text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
            text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
            foreach (var (labels, value) in list)
                text.Append(name).Append(labels).Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
        return text.ToString();
    }

    private static double One(bool value) => value ? 1 : 0;

    private static string Labels(ReadOnlySpan<(string Name, string Value)> labels)
    {
        if (labels.IsEmpty)
            return "";
        var text = new StringBuilder("{");
        foreach (var (name, value) in labels)
        {
            if (text.Length > 1)
                text.Append(',');
            text.Append(name).Append("=\"");
            foreach (var c in value)
                text.Append(
                    c switch
                    {
                        '\\' => "\\\\",
                        '"' => "\\\"",
                        '\n' => "\\n",
                        _ when char.IsControl(c) => "?",
                        _ => c.ToString(),
                    }
                );
            text.Append('"');
        }
        return text.Append('}').ToString();
    }
}
