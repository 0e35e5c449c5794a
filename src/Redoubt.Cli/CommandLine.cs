using System.CommandLine;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary>The command line: what it understands, and how a call ends.</summary>
public static class CommandLine
{
    /// <summary>Exit code: done.</summary>
    public const int Done = 0;

    /// <summary>Exit code: refused or failed.</summary>
    public const int Failed = 1;

    /// <summary>Exit code: the command line itself is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Runs one call; returns its exit code.</summary>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancel = default)
    {
        var parse = Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0)
        {
            foreach (var fault in parse.Errors)
                await error
                    .WriteLineAsync(
                        $"redoubt: {Plain.Text(string.Join(' ', fault.Message.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries)))}"
                    )
                    .ConfigureAwait(false);
            await error.WriteLineAsync("redoubt: --help after a verb tells how it is used").ConfigureAwait(false);
            return Usage;
        }
        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
        };
        try
        {
            return await parse.InvokeAsync(invocation, cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("redoubt: interrupted").ConfigureAwait(false);
            return Failed;
        }
    }

    private static RootCommand Root()
    {
        var control = new Option<string>("--control")
        {
            Description = "The daemon's control socket",
            HelpName = "SOCKET",
            DefaultValueFactory = _ => ControlLimits.DefaultSocket,
            Recursive = true,
        };
        var json = new Option<bool>("--json") { Description = "Output for machines", Recursive = true };
        var call = new CallFactory(control, json);
        return new RootCommand("High availability for Linux firewalls: asks and directs the daemon on this machine")
        {
            control,
            json,
            StatusCommand.Create(call),
            EventsCommand.Create(call),
            CarpCommand.Create(call),
            SwitchCommands.Maintenance(call),
            SwitchCommands.Failover(call),
            StatesCommand.Create(call),
            MetricsCommand.Create(call),
            RulesCommand.Create(call),
            ConfigCommand.Create(call),
            UserCommand.Create(call),
            InterfacesCommand.Create(call),
            ClusterCommand.Create(call),
            DoctorCommand.Create(call),
            DecodeCommand.Create(call),
        };
    }
}
