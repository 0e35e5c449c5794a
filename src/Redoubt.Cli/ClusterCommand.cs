using System.CommandLine;
using System.Text;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>cluster init|join|show</c>.</summary>
internal static class ClusterCommand
{
    public static Command Create(CallFactory calls) =>
        new("cluster", "Which nodes act as one: secret, ids, peers, pinned certificates") { Init(calls), Join(calls), Show(calls) };

    private static Command Init(CallFactory calls)
    {
        var peer = new Option<string[]>("--peer")
        {
            Description = "Address of the other node on the sync link (once for each sync link)",
            HelpName = "ADDRESS",
            Required = true,
        };
        var name = new Option<string?>("--name") { Description = "Its host name; else it tells when it joins", HelpName = "NAME" };
        var links = new Option<string[]>("--synclink")
        {
            Description = "The sync link, lan, wan or optN (once or twice); else as configured",
            HelpName = "IF",
            DefaultValueFactory = _ => [],
        };
        var command = new Command("init", "Makes a cluster, or invites one more node to it; prints the invitation, which holds the secret")
        {
            peer,
            name,
            links,
        };
        calls.Run(
            command,
            (call, parse, cancel) =>
                AskAsync(
                    call,
                    new ControlRequest
                    {
                        Verb = ControlVerb.ClusterInit,
                        ClusterInit = new ClusterInitRequest
                        {
                            Addresses = parse.GetRequiredValue(peer),
                            Name = parse.GetValue(name),
                            SyncLinks = parse.GetValue(links) ?? [],
                            By = ConfigCommand.Caller,
                        },
                    },
                    "there: redoubt cluster join, and this line on its standard input (it is a secret)",
                    cancel
                )
        );
        return command;
    }

    private static Command Join(CallFactory calls)
    {
        var token = new Argument<string?>("TOKEN")
        {
            Description = "An invitation, or the answer to one; without it, or with -, the first line of standard input",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var force = new Option<bool>("--force") { Description = "Leave another cluster for it" };
        var command = new Command("join", "Takes an invitation; on the other nodes, the answer to it") { token, force };
        calls.Run(
            command,
            (call, parse, cancel) =>
            {
                var text = parse.GetValue(token);
                if (text is null or "-")
                {
                    if (!Console.IsInputRedirected)
                        call.Error.Write("Token: ");
                    text = ReadLine(Console.In);
                }
                if (text.Length is 0 or > ControlLimits.Token)
                    return Task.FromResult(call.Fail($"a token of at most {ControlLimits.Token} characters is expected"));
                return AskAsync(
                    call,
                    new ControlRequest
                    {
                        Verb = ControlVerb.ClusterJoin,
                        ClusterJoin = new ClusterJoinRequest
                        {
                            Token = text,
                            Force = parse.GetValue(force),
                            By = ConfigCommand.Caller,
                        },
                    },
                    "on every other node: redoubt cluster join with this answer (it holds no secret)",
                    cancel
                );
            }
        );
        return command;
    }

    private static Command Show(CallFactory calls)
    {
        var command = new Command("show", "The nodes, and what is heard of them");
        calls.Run(
            command,
            (call, _, cancel) =>
                call.AskAsync(
                    new ControlRequest { Verb = ControlVerb.ClusterShow },
                    cancel,
                    reply =>
                    {
                        if (reply.Cluster is not { } cluster)
                            throw new ControlException($"{call.Socket}: the answer holds no cluster");
                        if (call.Json)
                            call.Output.WriteLine(JsonSerializer.Serialize(cluster, ControlJson.Indented.ClusterDescription));
                        else
                            Write(cluster, call.Output);
                    }
                )
        );
        return command;
    }

    internal static void Write(ClusterDescription cluster, TextWriter output)
    {
        output.WriteLine(Plain.Text($"node {cluster.Node}, {cluster.Name} (redoubt {cluster.Version})"));
        output.WriteLine($"secret: {cluster.Secret ?? "none (redoubt cluster init makes one)"}");
        output.WriteLine(Plain.Text($"sync links: {(cluster.SyncLinks.Count > 0 ? string.Join(", ", cluster.SyncLinks) : "none")}"));
        output.WriteLine(Plain.Text($"own certificate: {cluster.Certificate ?? "unknown (redoubt-web does not run)"}"));
        output.WriteLine(Plain.Text($"pinned certificate: {cluster.Pinned ?? "none"}"));
        if (cluster.Peers.Count == 0)
        {
            output.WriteLine("no other nodes");
            return;
        }
        output.Write(
            Plain.Table(
                ["NODE", "NAME", "ADDRESSES", "HEARD", "VERSION", "CLOCK"],
                cluster.Peers.Select(p =>
                    (string[])
                        [
                            $"{p.Node}",
                            p.Name,
                            string.Join(' ', p.Addresses),
                            p.Heard is null ? "no heartbeats"
                            : p.Heard.Alive ? string.Join(' ', p.Heard.Paths)
                            : "SILENT",
                            p.Heard?.Version ?? "-",
                            p.Heard?.ClockOffsetMs is { } offset ? $"{offset} ms" : "-",
                        ]
                )
            )
        );
    }

    private static async Task<int> AskAsync(Call call, ControlRequest request, string next, CancellationToken cancel)
    {
        using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
        var reply = await client.AskOnceAsync(request, cancel).ConfigureAwait(false);
        if (call.Json)
        {
            call.Output.WriteLine(JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply));
            return reply.Ok == true ? CommandLine.Done : CommandLine.Failed;
        }
        foreach (var problem in (reply.Problems ?? []).Where(p => reply.Ok == true))
            call.Error.WriteLine(Plain.Text($"{problem.Severity}: {problem.Message}"));
        if (reply.Ok != true)
            return call.Fail(reply.Message ?? "refused without a reason");
        call.Error.WriteLine(Plain.Text(reply.Message ?? "done"));
        if (reply.Token is { } token)
        {
            call.Error.WriteLine(next);
            call.Output.WriteLine(Plain.Text(token)); // alone on standard output: for a pipe
        }
        return CommandLine.Done;
    }

    private static string ReadLine(TextReader input)
    {
        var line = new StringBuilder();
        for (int c; line.Length <= ControlLimits.Token && (c = input.Read()) >= 0 && c != '\n'; )
            line.Append((char)c);
        return line.ToString().Trim();
    }
}
