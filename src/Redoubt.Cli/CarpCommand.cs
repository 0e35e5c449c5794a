using System.CommandLine;
using System.Globalization;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>carp enable|disable|demote|undemote|state</c>.</summary>
internal static class CarpCommand
{
    private sealed record Vip(byte Vhid, string Interface);

    public static Command Create(CallFactory calls) =>
        new("carp", "Directs the elections of this node")
        {
            Switch(calls, "enable", "Takes part in elections again", true),
            Switch(calls, "disable", "Gives up every virtual address and takes part in no election", false),
            Demote(calls),
            Undemote(calls),
            State(calls),
        };

    private static Command Switch(CallFactory calls, string name, string description, bool on)
    {
        var command = new Command(name, description);
        calls.Run(command, (call, _, cancel) => call.AskAsync(new ControlRequest { Verb = ControlVerb.Carp, On = on }, cancel));
        return command;
    }

    private static Command Demote(CallFactory calls)
    {
        var amount = new Argument<int>("N") { Description = $"How much, 1 to {ControlLimits.Demotion}" };
        amount.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var n))
            {
                if (n is < 1 or > ControlLimits.Demotion)
                    result.AddError($"a demotion is a number from 1 to {ControlLimits.Demotion}");
            }
        });
        var reason = new Option<string>("--reason")
        {
            Description = "The demotion's name, for undemote",
            HelpName = "R",
            Required = true,
        };
        reason.Validators.Add(result => CheckReason(result.GetValueOrDefault<string>(), result.AddError));
        var command = new Command("demote", "Makes this node less wanted as master, until undemote") { amount, reason };
        calls.Run(
            command,
            (call, parse, cancel) =>
                call.AskAsync(
                    new ControlRequest
                    {
                        Verb = ControlVerb.CarpDemote,
                        Amount = parse.GetRequiredValue(amount),
                        Reason = parse.GetRequiredValue(reason),
                    },
                    cancel
                )
        );
        return command;
    }

    private static Command Undemote(CallFactory calls)
    {
        var reason = new Argument<string>("R") { Description = "The demotion's name" };
        reason.Validators.Add(result => CheckReason(result.GetValueOrDefault<string>(), result.AddError));
        var command = new Command("undemote", "Takes a demotion back") { reason };
        calls.Run(
            command,
            (call, parse, cancel) =>
                call.AskAsync(new ControlRequest { Verb = ControlVerb.CarpUndemote, Reason = parse.GetRequiredValue(reason) }, cancel)
        );
        return command;
    }

    private static Command State(CallFactory calls)
    {
        var vip = new Argument<Vip>("VHID@IF")
        {
            Description = "Virtual host id and logical interface, 1@lan",
            CustomParser = result =>
            {
                var parts = result.Tokens[0].Value.Split('@');
                if (
                    parts is [var vhid, { Length: > 0 } name]
                    && byte.TryParse(vhid, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    && number > 0
                )
                    return new Vip(number, name);
                result.AddError($"'{result.Tokens[0].Value}': expected is VHID@IF, for example 1@lan");
                return null!;
            },
        };
        var state = new Argument<string>("state") { Description = "master or backup" };
        state.AcceptOnlyFromAmong("master", "backup");
        var command = new Command("state", "Asks one virtual host to become master or backup") { vip, state };
        calls.Run(
            command,
            (call, parse, cancel) =>
            {
                var wanted = parse.GetRequiredValue(vip);
                return call.AskAsync(
                    new ControlRequest
                    {
                        Verb = ControlVerb.CarpState,
                        Vhid = wanted.Vhid,
                        Interface = wanted.Interface,
                        State = parse.GetRequiredValue(state),
                    },
                    cancel
                );
            }
        );
        return command;
    }

    private static void CheckReason(string? reason, Action<string> fault)
    {
        if (reason is not { Length: > 0 and <= ControlLimits.Reason } || reason.Any(char.IsControl))
            fault($"a reason has 1 to {ControlLimits.Reason} printable characters");
    }
}
