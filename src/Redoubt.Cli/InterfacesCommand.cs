using System.CommandLine;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>interfaces assign</c>.</summary>
internal static class InterfacesCommand
{
    public static Command Create(CallFactory calls)
    {
        var name = new Argument<string>("NAME") { Description = "lan, wan, opt1, ...: the same network on every node" };
        var device = new Argument<string>("DEVICE") { Description = "The kernel's name of it on this node" };
        var address = new Option<string?>("--address") { Description = "The node's own address, 10.0.0.11/24", HelpName = "A" };
        var description = new Option<string?>("--descr") { Description = "Text for people", HelpName = "D" };
        var assign = new Command("assign", "Says which device a logical interface is on this node") { name, device, address, description };
        calls.Run(
            assign,
            async (call, parse, cancel) =>
            {
                var request = new ControlRequest
                {
                    Verb = ControlVerb.InterfacesAssign,
                    Assign = new InterfaceAssignRequest
                    {
                        Name = parse.GetRequiredValue(name),
                        Device = parse.GetRequiredValue(device),
                        Address = parse.GetValue(address),
                        Description = parse.GetValue(description),
                        By = ConfigCommand.Caller,
                    },
                };
                using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
                return ConfigCommand.Changed(call, await client.AskOnceAsync(request, cancel).ConfigureAwait(false));
            }
        );
        return new Command("interfaces", "The logical interfaces") { assign };
    }
}
