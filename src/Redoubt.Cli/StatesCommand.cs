using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>states list|count|sync</c>.</summary>
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
        var sync = new Command("sync", "Asks for a new bulk synchronisation");
        calls.Run(sync, (call, _, cancel) => call.AskAsync(new ControlRequest { Verb = ControlVerb.StatesSync }, cancel));
        return new Command("states", "The state table as the daemon sees it") { list, count, sync };
    }

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
