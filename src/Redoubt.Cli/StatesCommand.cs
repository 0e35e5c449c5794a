using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>states list|count|peers|sync</c>.</summary>
internal static class StatesCommand
{
    public static Command Create(CallFactory calls)
    {
        var list = new Command("list", "Every tracked connection, one a line");
        calls.Run(list, (call, _, cancel) => ListAsync(call, cancel));
        var count = new Command("count", "How many connections are tracked");
        calls.Run(
            count,
            (call, _, cancel) =>
                call.AskAsync(new ControlRequest { Verb = ControlVerb.StatesCount }, cancel, reply => Show(call, reply.Count))
        );
        var peers = new Command("peers", "How far each peer is behind, what was lost and repaired");
        calls.Run(
            peers,
            (call, _, cancel) =>
                call.AskAsync(new ControlRequest { Verb = ControlVerb.Status }, cancel, reply => ShowPeers(call, reply.Status))
        );
        var sync = new Command("sync", "Asks for a new bulk synchronisation");
        calls.Run(sync, (call, _, cancel) => call.AskAsync(new ControlRequest { Verb = ControlVerb.StatesSync }, cancel));
        return new Command("states", "The state table as the daemon sees it") { list, count, peers, sync };
    }

    private static void ShowPeers(Call call, NodeStatus? status)
    {
        if (status is null)
            throw new ControlException($"{call.Socket}: the answer holds no status");
        if (call.Json)
        {
            call.Output.WriteLine(JsonSerializer.Serialize(status.StateSync, ControlJson.Default.StateSyncStatus));
            return;
        }
        if (!status.StateSync.Enabled)
        {
            call.Output.WriteLine("states are not replicated");
            return;
        }
        call.Output.Write(
            Plain.Table(
                ["PEER", "ALIVE", "IN SYNC", "LINK", "LAG p50", "p99", "OLDEST", "RESENT", "BULK", "TABLES", "REPAIRED"],
                status.StateSync.Peers.Select(p =>
                    (string[])
                        [
                            p.Address,
                            p.Silence ?? (p.Alive ? "yes" : "no"),
                            p.InSync ? "yes" : "no",
                            p.Link ?? "-",
                            Milliseconds(p.LagMedianMs),
                            Milliseconds(p.LagHighMs),
                            Milliseconds(p.OldestMs),
                            Number(p.Resent),
                            p.Bulk,
                            p.Tables ?? "-",
                            Number(p.Repaired),
                        ]
                )
            )
        );
    }

    private static string Milliseconds(double? value) =>
        value is { } ms ? string.Create(CultureInfo.InvariantCulture, $"{ms:0.0} ms") : "-";

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "-";

    private static void Show(Call call, StateCount? count)
    {
        if (count is null)
            throw new ControlException($"{call.Socket}: the answer holds no count");
        if (call.Json)
            call.Output.WriteLine(JsonSerializer.Serialize(count, ControlJson.Default.StateCount));
        else
            call.Output.WriteLine(count.Maximum is { } maximum ? $"{count.Entries} of at most {maximum}" : $"{count.Entries}");
    }

    private static async Task<int> ListAsync(Call call, CancellationToken cancel)
    {
        using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
        var request = new ControlRequest { Verb = ControlVerb.StatesList };
        await foreach (var reply in client.AskAsync(request, ControlClient.AnswerLimit, cancel).ConfigureAwait(false))
        {
            if (reply.Row is { } row)
                await call.Output.WriteLineAsync(Line(row, call.Json)).ConfigureAwait(false);
            if (reply.Ok == false)
                return call.Fail(reply.Message ?? "refused without a reason");
        }
        return CommandLine.Done;
    }

    private static string Line(StateRow row, bool json)
    {
        if (json)
            return JsonSerializer.Serialize(row, ControlJson.Default.StateRow);
        var translated =
            row.ReplySource == row.Destination && row.ReplyDestination == row.Source
                ? ""
                : $"  answers {row.ReplySource} -> {row.ReplyDestination}";
        return Plain.Text(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Protocol, -6} {row.State ?? "-", -11} {row.Source} -> {row.Destination}{translated}  {row.TimeoutSeconds} s{(row.Assured ? "" : "  unassured")}"
            )
        );
    }
}
