using System.CommandLine;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>metrics</c>: the status for Prometheus, for example by way of node_exporter's textfile collector.</summary>
internal static class MetricsCommand
{
    public static Command Create(CallFactory calls)
    {
        var command = new Command("metrics", "The status in Prometheus' text format");
        calls.Run(
            command,
            (call, _, cancel) =>
                call.AskAsync(
                    new ControlRequest { Verb = ControlVerb.Status },
                    cancel,
                    reply =>
                        call.Output.Write(
                            Metrics.Of(reply.Status ?? throw new ControlException($"{call.Socket}: the answer holds no status"))
                        )
                )
        );
        return command;
    }
}
