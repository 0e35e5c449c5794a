using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>status</c>.</summary>
internal static class StatusCommand
{
    public static Command Create(CallFactory calls)
    {
        var command = new Command("status", "Health, virtual addresses, peers, state and configuration sync");
        calls.Run(
            command,
            (call, _, cancel) =>
                call.AskAsync(
                    new ControlRequest { Verb = ControlVerb.Status },
                    cancel,
                    reply =>
                    {
                        if (reply.Status is not { } status)
                            throw new ControlException($"{call.Socket}: the answer holds no status");
                        if (call.Json)
                            call.Output.WriteLine(JsonSerializer.Serialize(status, ControlJson.Indented.NodeStatus));
                        else
                            Show(status, call.Output);
                    }
                )
        );
        return command;
    }

    internal static void Show(NodeStatus status, TextWriter output)
    {
        output.WriteLine(Plain.Text($"{status.Node}: {status.Health.ToString().ToLowerInvariant()} (redoubt {status.Version})"));
        foreach (var reason in status.Reasons)
            output.WriteLine(Plain.Text($"  ! {reason}"));
        ShowCarp(status.Carp, output);
        ShowAddresses(status.Addresses, output);
        ShowServices(status.Carp.Services, output);
        ShowChecks(status.Checks, output);
        ShowStateSync(status.StateSync, output);
        ShowConfigSync(status.ConfigSync, output);
    }

    private static void ShowCarp(CarpStatus carp, TextWriter output)
    {
        output.WriteLine();
        var maintenance = carp.Maintenance ? ", maintenance mode" : "";
        output.WriteLine($"CARP: {(carp.Enabled ? "enabled" : "DISABLED")}{maintenance}, demotion {carp.Demotion}");
        foreach (var entry in carp.Demotions)
            output.WriteLine(Plain.Text($"  demoted by {entry.Amount}: {entry.Reason}, since {Plain.Time(entry.Since)}"));
        if (carp.Vips.Count == 0)
        {
            output.WriteLine("  no virtual addresses");
            return;
        }
        output.Write(
            Plain.Table(
                ["VIP", "DEVICE", "STATE", "MASTER", "BASE/SKEW", "ADDRESSES", "SINCE", "WHY"],
                carp.Vips.Select(v =>
                    (string[])
                        [
                            $"{v.Interface}@{v.Vhid}",
                            v.Device,
                            v.State.ToString().ToUpperInvariant(),
                            v.Master ?? "-",
                            v.Priority is { } priority ? $"{v.Protocol} {priority}" : $"{v.AdvBase}/{v.AdvSkew}",
                            string.Join(' ', v.Addresses),
                            Plain.Time(v.Since),
                            v.Reason,
                        ]
                )
            )
        );
    }

    private static void ShowAddresses(IReadOnlyList<AddressStatus> addresses, TextWriter output)
    {
        if (addresses.Count == 0)
            return;
        output.WriteLine();
        output.WriteLine("Other addresses:");
        output.Write(
            Plain.Table(
                ["ADDRESS", "MODE", "INTERFACE", "DEVICE", "STATE"],
                addresses.Select(a =>
                    (string[])
                        [
                            a.Address,
                            a.Mode,
                            a.Interface,
                            a.Device ?? "-",
                            a.State is "missing" or "duplicate" ? a.State.ToUpperInvariant() : a.State,
                        ]
                )
            )
        );
    }

    private static void ShowServices(IReadOnlyList<ServiceStatus> services, TextWriter output)
    {
        if (services.Count == 0)
            return;
        output.WriteLine();
        output.WriteLine("Services of the master:");
        output.Write(
            Plain.Table(
                ["SERVICE", "FOLLOWS", "WANTED", "STATE", "SINCE", "LAST ERROR"],
                services.Select(s =>
                    (string[])
                        [
                            s.Name,
                            s.Group is { } group ? $"group {group}" : s.Vip ?? "-",
                            s.Wanted ? "yes" : "no",
                            s.Running switch
                            {
                                true => "runs",
                                false => s.Wanted ? "DOES NOT RUN" : "stopped",
                                null => "not known",
                            },
                            s.Since is { } since ? Plain.Time(since) : "-",
                            s.Error ?? "",
                        ]
                )
            )
        );
    }

    private static void ShowChecks(IReadOnlyList<CheckStatus> checks, TextWriter output)
    {
        if (checks.Count == 0)
            return;
        output.WriteLine();
        output.WriteLine("Health checks:");
        output.Write(
            Plain.Table(
                ["CHECK", "TYPE", "TARGET", "WEIGHT", "STATE", "SINCE", "LAST ERROR"],
                checks.Select(c =>
                    (string[])
                        [
                            c.Name,
                            c.Type,
                            c.Target,
                            $"{c.Weight}",
                            c.Passes switch
                            {
                                true => "passes",
                                false => "FAILS",
                                null => "not tried yet",
                            },
                            c.Since is { } since ? Plain.Time(since) : "-",
                            c.Error ?? "",
                        ]
                )
            )
        );
    }

    private static void ShowStateSync(StateSyncStatus sync, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(sync.Enabled ? $"State sync: enabled, {sync.Entries} states" : "State sync: disabled");
        if (sync.Peers.Count == 0)
            return;
        output.Write(
            Plain.Table(
                ["PEER", "ALIVE", "IN SYNC", "LAG", "BULK", "TABLES", "REPAIRED"],
                sync.Peers.Select(p =>
                    (string[])
                        [
                            p.Address,
                            p.Silence ?? (p.Alive && p.Link is { } link ? $"yes, {link}" : YesNo(p.Alive)),
                            YesNo(p.InSync),
                            p.LagMs is { } lag ? string.Create(CultureInfo.InvariantCulture, $"{lag:0.0} ms") : "-",
                            p.Bulk,
                            p.Tables is null ? "-"
                            : p.ComparedSecondsAgo is { } ago ? string.Create(CultureInfo.InvariantCulture, $"{p.Tables}, {ago:0} s ago")
                            : p.Tables,
                            p.Repaired?.ToString(CultureInfo.InvariantCulture) ?? "-",
                        ]
                )
            )
        );
    }

    private static void ShowConfigSync(ConfigSyncStatus sync, TextWriter output)
    {
        output.WriteLine();
        var digest = sync.Digest is { } d ? $", digest {(d.Length > 16 ? d[..16] : d)}" : "";
        output.WriteLine(Plain.Text($"Config sync: {sync.Role.ToString().ToLowerInvariant()}{digest}"));
        if (sync.Peers.Count == 0)
            return;
        output.Write(
            Plain.Table(
                ["PEER", "IN SYNC", "LAST PUSH", "ERROR"],
                sync.Peers.Select(p => (string[])[p.Address, YesNo(p.InSync), p.LastPush is { } at ? Plain.Time(at) : "-", p.Error ?? "-"])
            )
        );
    }

    private static string YesNo(bool value) => value ? "yes" : "NO";
}
