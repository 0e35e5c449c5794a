using System.CommandLine;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>maintenance</c> and <c>failover</c>.</summary>
internal static class SwitchCommands
{
    public static Command Maintenance(CallFactory calls)
    {
        var on = new Argument<string>("on|off");
        on.AcceptOnlyFromAmong("on", "off");
        var command = new Command("maintenance", "Persistent maintenance mode: this node gives way to the others, also after a restart")
        {
            on,
        };
        calls.Run(
            command,
            (call, parse, cancel) =>
                call.AskAsync(new ControlRequest { Verb = ControlVerb.Maintenance, On = parse.GetRequiredValue(on) == "on" }, cancel)
        );
        return command;
    }

    public static Command Failover(CallFactory calls)
    {
        var back = new Option<bool>("--back") { Description = "Take back what was handed over" };
        var force = new Option<bool>("--force") { Description = "Although the peer is not ready" };
        var command = new Command("failover", "Hands over to the peer; refused with a reason when the peer is not ready") { back, force };
        calls.Run(
            command,
            (call, parse, cancel) =>
                call.AskAsync(
                    new ControlRequest
                    {
                        Verb = ControlVerb.Failover,
                        Back = parse.GetValue(back),
                        Force = parse.GetValue(force),
                    },
                    cancel
                )
        );
        return command;
    }
}
