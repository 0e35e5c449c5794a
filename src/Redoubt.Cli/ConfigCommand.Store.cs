using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>config show|diff|apply|confirm|history|rollback|push</c>: what the daemon's store does.</summary>
internal static partial class ConfigCommand
{
    // A push waits for the peer, and for what runs before it.
    private static readonly TimeSpan _pushLimit = TimeSpan.FromSeconds(130);
    private static readonly TimeSpan _applyLimit = TimeSpan.FromSeconds(120);

    private static Command Show(CallFactory calls)
    {
        var redacted = new Option<bool>("--redacted") { Description = "Passwords, keys and hashes as ***" };
        var command = new Command("show", "The configuration in force") { redacted };
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                var request = new ControlRequest
                {
                    Verb = ControlVerb.ConfigShow,
                    Show = parse.GetValue(redacted) ? new ConfigShowRequest { Redacted = true } : null,
                };
                var answer = await AskAsync(call, request, null, _applyLimit, cancel).ConfigureAwait(false);
                if (answer.Reply.Ok != true || answer.Document is null)
                    return call.Fail(answer.Reply.Message ?? "the answer holds no document");
                var text = Encoding.UTF8.GetString(answer.Document);
                if (call.Json)
                    call.Output.WriteLine(
                        JsonSerializer.Serialize(
                            new ShownConfig(answer.Reply.Digest ?? "", answer.Reply.Message, text),
                            CliJson.Default.ShownConfig
                        )
                    );
                else
                    call.Output.Write(text);
                return CommandLine.Done;
            }
        );
        return command;
    }

    private static Command Diff(CallFactory calls)
    {
        var file = new Argument<string?>("FILE") { Description = "A config.xml", Arity = ArgumentArity.ZeroOrOne };
        var id = new Option<string?>("--id") { Description = "An entry of the history", HelpName = "ID" };
        var command = new Command("diff", "What differs: from the configuration in force to FILE, or from an entry of the history to it")
        {
            file,
            id,
        };
        command.Validators.Add(result =>
        {
            if ((result.GetValue(file) is null) == (result.GetValue(id) is null))
                result.AddError("either FILE or --id is expected");
        });
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                byte[]? document = null;
                if (parse.GetValue(file) is { } path && !InputFile.TryRead(path, PassedDocument.MaxLength, out document, out var why))
                    return call.Fail(why);
                var request = new ControlRequest
                {
                    Verb = ControlVerb.ConfigDiff,
                    Diff = parse.GetValue(id) is { } entry ? new ConfigDiffRequest { Id = entry } : null,
                };
                var answer = await AskAsync(call, request, document, _applyLimit, cancel).ConfigureAwait(false);
                if (answer.Reply is not { Ok: true, Differences: { } differences })
                    return Refused(call, answer.Reply);
                if (call.Json)
                {
                    call.Output.WriteLine(JsonSerializer.Serialize(answer.Reply, ControlJson.Default.ControlReply));
                    return CommandLine.Done;
                }
                foreach (var d in differences)
                    call.Output.WriteLine(Plain.Text(Line(d)));
                call.Output.WriteLine(Plain.Text(answer.Reply.Message ?? ""));
                return CommandLine.Done;
            }
        );
        return command;
    }

    private static Command Apply(CallFactory calls)
    {
        var file = new Argument<string>("FILE") { Description = "A config.xml" };
        var confirm = ConfirmOption();
        var reason = new Option<string>("--reason")
        {
            Description = "For the history",
            HelpName = "R",
            DefaultValueFactory = _ => "",
        };
        var based = new Option<string?>("--based-on")
        {
            Description = "Digest of what was edited (config show --json); refused as a conflict where another one is in force by now",
            HelpName = "DIGEST",
        };
        var command = new Command("apply", "Applies a configuration: all of it, or nothing of it") { file, confirm, reason, based };
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                if (!InputFile.TryRead(parse.GetRequiredValue(file), PassedDocument.MaxLength, out var document, out var why))
                    return call.Fail(why);
                var request = new ControlRequest
                {
                    Verb = ControlVerb.ConfigApply,
                    Apply = new ConfigApplyRequest
                    {
                        User = Caller,
                        Reason = parse.GetValue(reason) ?? "",
                        BasedOn = parse.GetValue(based),
                        ConfirmSeconds = parse.GetValue(confirm),
                    },
                };
                return Changed(call, (await AskAsync(call, request, document, _applyLimit, cancel).ConfigureAwait(false)).Reply);
            }
        );
        return command;
    }

    private static Command Confirm(CallFactory calls) =>
        Plainly(calls, "confirm", "Keeps the change that waits for it", ControlVerb.ConfigConfirm);

    private static Command Accept(CallFactory calls) =>
        Plainly(calls, "accept", "Takes the primary's next push although this node was edited", ControlVerb.ConfigAccept);

    private static Command Plainly(CallFactory calls, string name, string description, string verb)
    {
        var command = new Command(name, description);
        calls.Run(
            command,
            async (call, _, cancel) =>
                Changed(
                    call,
                    (await AskAsync(call, new ControlRequest { Verb = verb }, null, _applyLimit, cancel).ConfigureAwait(false)).Reply
                )
        );
        return command;
    }

    private static Command History(CallFactory calls)
    {
        var command = new Command("history", "The configurations that were in force, newest first");
        calls.Run(
            command,
            (call, _, cancel) =>
                call.AskAsync(
                    new ControlRequest { Verb = ControlVerb.ConfigHistory },
                    cancel,
                    reply =>
                    {
                        if (call.Json)
                        {
                            call.Output.WriteLine(JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply));
                            return;
                        }
                        foreach (var entry in reply.History ?? [])
                        {
                            var mark = entry.Current ? "*" : " ";
                            call.Output.WriteLine(
                                Plain.Text($"{mark} {entry.Id, 4}  {Plain.Time(entry.Time)}  {entry.User}  {entry.Reason}")
                            );
                            foreach (var change in entry.Changes)
                                call.Output.WriteLine(Plain.Text($"          {change}"));
                        }
                    }
                )
        );
        return command;
    }

    private static Command Rollback(CallFactory calls)
    {
        var id = new Argument<string>("ID") { Description = "An entry of the history" };
        var confirm = ConfirmOption();
        var command = new Command("rollback", "Applies an entry of the history") { id, confirm };
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                var request = new ControlRequest
                {
                    Verb = ControlVerb.ConfigRollback,
                    Rollback = new ConfigRollbackRequest
                    {
                        Id = parse.GetRequiredValue(id),
                        User = Caller,
                        ConfirmSeconds = parse.GetValue(confirm),
                    },
                };
                return Changed(call, (await AskAsync(call, request, null, _applyLimit, cancel).ConfigureAwait(false)).Reply);
            }
        );
        return command;
    }

    private static Command Push(CallFactory calls)
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would change on the peer, and change nothing" };
        var areas = new Option<string[]>("--area")
        {
            Description = "Only this area (may be repeated); else all that are switched on",
            HelpName = "A",
            DefaultValueFactory = _ => [],
        };
        var command = new Command("push", "Pushes the configuration to the peer and waits for the outcome") { dryRun, areas };
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                var request = new ControlRequest
                {
                    Verb = ControlVerb.ConfigPush,
                    Push = new ConfigPushRequest
                    {
                        DryRun = parse.GetValue(dryRun),
                        Areas = parse.GetValue(areas) ?? [],
                        Reason = $"asked for by {Caller}",
                    },
                };
                var reply = (await AskAsync(call, request, null, _pushLimit, cancel).ConfigureAwait(false)).Reply;
                if (call.Json)
                {
                    call.Output.WriteLine(JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply));
                    return reply.Ok == true ? CommandLine.Done : CommandLine.Failed;
                }
                foreach (var difference in reply.Pushed?.Differences ?? [])
                    call.Output.WriteLine(Plain.Text(difference));
                if (reply.Ok != true)
                    return call.Fail(reply.Message ?? "refused without a reason");
                call.Output.WriteLine(Plain.Text(reply.Message ?? "pushed"));
                return CommandLine.Done;
            }
        );
        return command;
    }

    /// <summary>Shows how a change ended, with every problem; the exit code follows.</summary>
    internal static int Changed(Call call, ControlReply reply)
    {
        if (reply.Ok != true)
            return Refused(call, reply);
        if (call.Json)
        {
            call.Output.WriteLine(JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply));
            return CommandLine.Done;
        }
        foreach (var problem in reply.Problems ?? [])
            call.Output.WriteLine(Plain.Text(Line(problem)));
        call.Output.WriteLine(Plain.Text(reply.Message ?? "done"));
        return CommandLine.Done;
    }

    /// <summary>Who asks, for the history.</summary>
    internal static string Caller => Environment.UserName is { Length: > 0 and <= ControlLimits.Name } name ? name : "unknown";

    private static int Refused(Call call, ControlReply reply)
    {
        if (call.Json)
        {
            call.Error.WriteLine($"redoubt: {Plain.Text(reply.Message ?? "refused")}");
            call.Output.WriteLine(JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply));
            return CommandLine.Failed;
        }
        foreach (var problem in reply.Problems ?? [])
            call.Output.WriteLine(Plain.Text(Line(problem)));
        return call.Fail(reply.Message ?? "refused without a reason");
    }

    private static async Task<ControlAnswer> AskAsync(
        Call call,
        ControlRequest request,
        byte[]? document,
        TimeSpan limit,
        CancellationToken cancel
    )
    {
        using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
        return await client
            .AskWithDocumentAsync(request, document is null ? (ReadOnlyMemory<byte>?)null : document, limit, cancel)
            .ConfigureAwait(false);
    }

    private static Option<int> ConfirmOption()
    {
        var confirm = new Option<int>("--confirm")
        {
            Description = "Take the change back unless 'config confirm' comes within that many seconds",
            HelpName = "SECONDS",
        };
        confirm.Validators.Add(result =>
        {
            if (
                result.Tokens.Count == 1
                && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var seconds)
                && seconds is < 1 or > ControlLimits.ConfirmSeconds
            )
                result.AddError($"a time to confirm is a number from 1 to {ControlLimits.ConfirmSeconds}");
        });
        return confirm;
    }

    private static string Line(ConfigDifference d) =>
        d.Kind switch
        {
            "added" => $"+ {d.Path}: {d.New}",
            "removed" => $"- {d.Path}: {d.Old}",
            "moved" => $"> {d.Path}: {d.New}",
            _ => $"* {d.Path}: {d.Old} -> {d.New}",
        };

    private static string Line(ConfigProblem p)
    {
        var expected = p.Expected.Length == 0 ? "" : $" (expected: {p.Expected})";
        var line = p.Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"line {p.Line}: ") : "";
        return $"{line}{p.Severity}: {p.Element}: {p.Message}{expected}";
    }
}
