using System.CommandLine;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary>Makes a <see cref="Call"/> of what was parsed.</summary>
internal sealed class CallFactory(Option<string> control, Option<bool> json)
{
    /// <summary>Has <paramref name="command"/> run <paramref name="action"/>; what the daemon's absence means is said once, here.</summary>
    public void Run(Command command, Func<Call, ParseResult, CancellationToken, Task<int>> action) =>
        command.SetAction(
            async (parse, cancel) =>
            {
                var output = parse.InvocationConfiguration.Output;
                var call = new Call(parse.GetRequiredValue(control), parse.GetValue(json), output, parse.InvocationConfiguration.Error);
                try
                {
                    return await action(call, parse, cancel).ConfigureAwait(false);
                }
                catch (ControlException e)
                {
                    return call.Fail(e.Message);
                }
                finally
                {
                    await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                }
            }
        );
}

/// <summary>One call of the program: where the daemon is, and where and how to answer.</summary>
internal sealed record Call(string Socket, bool Json, TextWriter Output, TextWriter Error)
{
    /// <summary>Asks for one answer; the exit code follows from it.</summary>
    public async Task<int> AskAsync(ControlRequest request, CancellationToken cancel, Action<ControlReply>? show = null)
    {
        var reply = await ControlClient.AskOnceAsync(Socket, request, cancel).ConfigureAwait(false);
        if (reply.Ok != true)
            return Fail(reply.Message ?? "refused without a reason");
        if (show is not null)
            show(reply);
        else if (Json)
            Output.WriteLine(JsonSerializer.Serialize(VerbResult.Done(reply.Message ?? ""), ControlJson.Default.VerbResult));
        else
            Output.WriteLine(Plain.Text(reply.Message ?? "done"));
        return CommandLine.Done;
    }

    /// <summary>Says why it did not work: on standard error for people, and on standard output for machines that asked for JSON.</summary>
    public int Fail(string message)
    {
        Error.WriteLine($"redoubt: {Plain.Text(message)}");
        if (Json)
            Output.WriteLine(JsonSerializer.Serialize(VerbResult.Refused(message), ControlJson.Default.VerbResult));
        return CommandLine.Failed;
    }
}
