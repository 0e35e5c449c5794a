using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>events</c>.</summary>
internal static class EventsCommand
{
    public static Command Create(CallFactory calls)
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Stay, and show new events as they happen" };
        var since = new Option<DateTimeOffset?>("--since")
        {
            Description = "Only events from this time on: ISO 8601 (UTC unless it names an offset), or an age as 90s, 10m, 2h, 1d",
            HelpName = "T",
            CustomParser = ParseSince,
        };
        var command = new Command("events", "What happened, newest last") { follow, since };
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                var request = new ControlRequest
                {
                    Verb = ControlVerb.Events,
                    Follow = parse.GetValue(follow),
                    Since = parse.GetValue(since),
                };
                try
                {
                    return await ShowAsync(call, request, cancel).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (request.Follow)
                {
                    return CommandLine.Done; // Ctrl-C is how a follow ends
                }
            }
        );
        return command;
    }

    internal static bool TryParseSince(string text, DateTimeOffset now, out DateTimeOffset time)
    {
        time = default;
        if (text.Length >= 2 && long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            long? unit = text[^1] switch
            {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                _ => null,
            };
            if (unit is null || count > 36_500L * 86_400 / unit)
                return false;
            time = now - TimeSpan.FromSeconds(count * unit.Value);
            return true;
        }
        return text.Length >= 8
            && text.Contains('-', StringComparison.Ordinal)
            && DateTimeOffset.TryParse(
                text,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                out time
            );
    }

    private static DateTimeOffset? ParseSince(ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (TryParseSince(text, TimeProvider.System.GetUtcNow(), out var time))
            return time;
        result.AddError($"--since '{text}': expected is a time as 2026-01-31T12:00:00Z or an age as 90s, 10m, 2h, 1d");
        return null;
    }

    private static async Task<int> ShowAsync(Call call, ControlRequest request, CancellationToken cancel)
    {
        using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
        var silence = request.Follow ? (TimeSpan?)null : ControlClient.AnswerLimit;
        await foreach (var reply in client.AskAsync(request, silence, cancel).ConfigureAwait(false))
        {
            if (reply.Event is { } record)
            {
                await call.Output.WriteLineAsync(Line(record, call.Json)).ConfigureAwait(false);
                if (request.Follow)
                    await call.Output.FlushAsync(cancel).ConfigureAwait(false);
            }
            if (reply.Ok == false)
                return call.Fail(reply.Message ?? "refused without a reason");
            if (reply is { Ok: true, Message: { } end })
                await call.Error.WriteLineAsync($"redoubt: {Plain.Text(end)}").ConfigureAwait(false);
        }
        return CommandLine.Done;
    }

    private static string Line(EventRecord record, bool json) =>
        json
            ? JsonSerializer.Serialize(record, ControlJson.Default.EventRecord)
            : Plain.Text(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{record.Time.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff}Z  {record.Kind.ToString().ToLowerInvariant(), -11}  {record.Message}"
                )
            );
}
