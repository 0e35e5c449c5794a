using System.CommandLine;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>user list|add|passwd|privilege|delete</c>: the product's users, who live in the configuration.</summary>
internal static class UserCommand
{
    public static Command Create(CallFactory calls) =>
        new("user", "The users of the web interface and of the configuration sync; not those of the operating system")
        {
            List(calls),
            Add(calls),
            Passwd(calls),
            Privilege(calls),
            Delete(calls),
        };

    private static Command List(CallFactory calls)
    {
        var command = new Command("list", "Users with their privileges");
        calls.Run(
            command,
            (call, _, cancel) =>
                call.AskAsync(
                    Request(new UserRequest { Action = "list" }),
                    cancel,
                    reply =>
                    {
                        if (call.Json)
                            call.Output.WriteLine(JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply));
                        else
                            call.Output.Write(
                                Plain.Table(
                                    ["USER", "UID", "STATE", "GROUPS", "PRIVILEGES", "DESCRIPTION"],
                                    (reply.Users ?? []).Select(u =>
                                        (string[])
                                            [
                                                u.Name,
                                                $"{u.Uid}",
                                                u.Disabled ? "disabled" : "enabled",
                                                string.Join(' ', u.Groups),
                                                u.Uid == 0 ? "all" : string.Join(' ', u.Privileges),
                                                u.Description,
                                            ]
                                    )
                                )
                            );
                    }
                )
        );
        return command;
    }

    private static Command Add(CallFactory calls)
    {
        var name = NameArgument();
        var description = new Option<string?>("--descr") { Description = "Text for people", HelpName = "D" };
        var grant = Privileges("--grant", "A privilege, for example system-xmlrpc-ha-sync (may be repeated)");
        var command = new Command("add", "Adds a user; the password comes from standard input or a prompt") { name, description, grant };
        Change(
            calls,
            command,
            parse => new UserRequest
            {
                Action = "add",
                Name = parse.GetRequiredValue(name),
                Description = parse.GetValue(description),
                Grant = parse.GetValue(grant) ?? [],
            },
            withPassword: true
        );
        return command;
    }

    private static Command Passwd(CallFactory calls)
    {
        var name = NameArgument();
        var command = new Command("passwd", "Sets a user's password, from standard input or a prompt") { name };
        Change(calls, command, parse => new UserRequest { Action = "passwd", Name = parse.GetRequiredValue(name) }, withPassword: true);
        return command;
    }

    private static Command Privilege(CallFactory calls)
    {
        var name = NameArgument();
        var grant = Privileges("--grant", "A privilege to give (may be repeated)");
        var revoke = Privileges("--revoke", "A privilege to take away (may be repeated)");
        var command = new Command("privilege", "Gives a user privileges and takes them away") { name, grant, revoke };
        command.Validators.Add(result =>
        {
            if (result.GetValue(grant) is not { Length: > 0 } && result.GetValue(revoke) is not { Length: > 0 })
                result.AddError("--grant or --revoke is expected");
        });
        Change(
            calls,
            command,
            parse => new UserRequest
            {
                Action = "privilege",
                Name = parse.GetRequiredValue(name),
                Grant = parse.GetValue(grant) ?? [],
                Revoke = parse.GetValue(revoke) ?? [],
            },
            withPassword: false
        );
        return command;
    }

    private static Command Delete(CallFactory calls)
    {
        var name = NameArgument();
        var command = new Command("delete", "Deletes a user") { name };
        Change(calls, command, parse => new UserRequest { Action = "delete", Name = parse.GetRequiredValue(name) }, withPassword: false);
        return command;
    }

    private static void Change(CallFactory calls, Command command, Func<ParseResult, UserRequest> request, bool withPassword) =>
        calls.Run(
            command,
            async (call, parse, cancel) =>
            {
                var user = request(parse) with { By = ConfigCommand.Caller };
                if (withPassword)
                {
                    if (!PasswordInput.TryRead(call.Error, out var password, out var why))
                        return call.Fail(why);
                    user = user with { Password = password };
                }
                using var client = await ControlClient.ConnectAsync(call.Socket, cancel).ConfigureAwait(false);
                return ConfigCommand.Changed(call, await client.AskOnceAsync(Request(user), cancel).ConfigureAwait(false));
            }
        );

    private static ControlRequest Request(UserRequest user) => new() { Verb = ControlVerb.User, User = user };

    private static Argument<string> NameArgument() => new("NAME") { Description = "The user" };

    private static Option<string[]> Privileges(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "P",
            DefaultValueFactory = _ => [],
        };
}
