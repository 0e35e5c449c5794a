using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>rules</c>: every rule with its counters.</summary>
internal static class RulesCommand
{
    public static Command Create(CallFactory calls)
    {
        var rules = new Command("rules", "Every rule of the firewall with what it has matched, one a line");
        calls.Run(rules, (call, _, cancel) => ListAsync(call, cancel));
        return rules;
    }

    private static async Task<int> ListAsync(Call call, CancellationToken cancel)
    {
        using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
        var request = new ControlRequest { Verb = ControlVerb.RulesList };
        await foreach (var reply in client.AskAsync(request, ControlClient.AnswerLimit, cancel).ConfigureAwait(false))
        {
            if (reply.Rule is { } row)
                await call.Output.WriteLineAsync(Line(row, call.Json)).ConfigureAwait(false);
            if (reply.Ok == false)
                return call.Fail(reply.Message ?? "refused without a reason");
        }
        return CommandLine.Done;
    }

    private static string Line(RuleRow row, bool json)
    {
        if (json)
            return JsonSerializer.Serialize(row, ControlJson.Default.RuleRow);
        var counted = row.Packets is { } packets ? $"{packets} packets {row.Bytes} bytes" : "-";
        var standing = row.Standing == "active" ? "" : $"  ({row.Standing})";
        return Plain.Text(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Section, -8} {row.Tracker ?? $"line {row.Line}", -12} {row.Interface, -10} {row.Action, -9} {counted, -28} {row.Description}{standing}"
            )
        );
    }
}
