using System.Buffers;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Requests;

/// <summary>
/// The methods that are served. This process checks the form of a call and asks the daemon, which decides; what changes the node goes one at a time. Names are compared
/// with a list, never looked up.
/// </summary>
internal sealed class XmlRpcMethods(NodeDaemon daemon, SnippetAnswers snippets, WebOptions options, ILogger log) : IDisposable
{
    private const string Prefix = "pfsense.";
    private const int MostNames = 128;
    private readonly SemaphoreSlim _change = new(1, 1);

    /// <summary>Carries out a call.</summary>
    public async Task<XmlRpcResponse> InvokeAsync(XmlRpcCall call, Caller caller, CancellationToken cancel)
    {
        try
        {
            return await DispatchAsync(call, caller, cancel).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            log.DaemonSilent(WebLog.Clean(call.Method), e.Message);
            return Refused("the node's daemon does not answer");
        }
        catch (DaemonRefusedException e)
        {
            return Refused(e.Message);
        }
    }

    public void Dispose() => _change.Dispose();

    private Task<XmlRpcResponse> DispatchAsync(XmlRpcCall call, Caller caller, CancellationToken cancel)
    {
        if (call.Method == "redoubt.area_digests")
            return DigestsAsync(caller, cancel);
        if (call.Method == "redoubt.restore_config_changes")
            return call.Parameters is [XmlRpcStruct changes]
                ? ChangeAsync("restore_config_changes", changes, caller, cancel)
                : Done(XmlRpcFault.BadParameters);
        if (!call.Method.StartsWith(Prefix, StringComparison.Ordinal))
            return Done(XmlRpcFault.UnknownMethod);
        var parameters = call.Parameters;
        var method = call.Method[Prefix.Length..];
        var legacy = options.AllowLegacyCalls && IsLegacy(method, parameters);
        if (legacy)
            parameters = parameters[1..];
        var first = parameters.IsEmpty ? null : parameters[0];
        switch (method)
        {
            case "host_firmware_version":
                // Only a client of 2.3 or older sends a text alone: its password.
                return parameters is [XmlRpcString] && !legacy ? Done(XmlRpcFault.BadParameters) : VersionAsync(cancel);
            case "backup_config_section":
                return first is not null && TryReadNames(first, out var names)
                    ? BackupAsync(names, cancel)
                    : Done(XmlRpcFault.BadParameters);
            case "restore_config_section" or "merge_config_section" or "merge_installedpackages_section":
                return AsStruct(first) is { } body ? ChangeAsync(method, body, caller, cancel) : Done(XmlRpcFault.BadParameters);
            case "merge_installedpackages_section_xmlrpc":
                return AsStruct(first) is { } packages
                    ? ChangeAsync("merge_installedpackages_section", packages, caller, cancel)
                    : Done(XmlRpcFault.BadParameters);
            case "interfaces_carp_configure" or "filter_configure":
                return ChangeAsync(method, null, caller, cancel);
            case "captive_portal_sync":
                // No captive portal runs here, so every zone is one that is not known.
                return first is XmlRpcStruct portal && portal["op"] is XmlRpcString && portal["zone"] is XmlRpcString
                    ? Done(XmlRpcBoolean.False)
                    : Done(XmlRpcFault.BadParameters);
            case "exec_php":
                return first is XmlRpcString snippet ? ExecPhpAsync(snippet.Value, caller, cancel) : Done(XmlRpcFault.BadParameters);
            case "exec_shell":
                return first is XmlRpcString command ? ExecShellAsync(command.Value, caller, cancel) : Done(XmlRpcFault.BadParameters);
            case "reboot":
                return Task.FromResult(Refused("reboot: this node is not rebooted from remote"));
            case "get_notices":
                return Done(XmlRpcArray.Empty);
            default:
                return Done(XmlRpcFault.UnknownMethod);
        }
    }

    // pfSense up to 2.3 sends the password first, then what newer ones send.
    private static bool IsLegacy(string method, ImmutableArray<XmlRpcValue> parameters) =>
        parameters is [XmlRpcString, ..]
        && method switch
        {
            "host_firmware_version" => parameters.Length == 1,
            "exec_php" or "exec_shell" => parameters.Length >= 2 && parameters[1] is XmlRpcString,
            "interfaces_carp_configure" or "filter_configure" or "reboot" or "get_notices" => true,
            _ => parameters.Length >= 2,
        };

    // An array without elements is an empty list to PHP, whatever it was meant to be.
    private static XmlRpcStruct? AsStruct(XmlRpcValue? value) =>
        value switch
        {
            XmlRpcStruct body => body,
            XmlRpcArray { Values.IsEmpty: true } => new XmlRpcStruct([]),
            _ => null,
        };

    private static bool TryReadNames(XmlRpcValue value, out ImmutableArray<string> names)
    {
        names = [];
        if (value is XmlRpcString || !XmlRpcShapes.TryReadList(value, out var items) || items.Length > MostNames)
            return false;
        foreach (var item in items)
        {
            if (item is not XmlRpcString text)
                return false;
            // What cannot be a section's name is like one that does not exist.
            if (IsSectionName(text.Value))
                names = names.Add(text.Value);
        }
        return true;
    }

    private static bool IsSectionName(string name) =>
        name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-' or '.');

    private async Task<XmlRpcResponse> VersionAsync(CancellationToken cancel)
    {
        var version = await daemon.VersionAsync(cancel).ConfigureAwait(false);
        static XmlRpcStruct Version(string text) => new([new("version", new XmlRpcString(text))]);
        return new XmlRpcResponse(
            new XmlRpcStruct([
                new("firmware", Version(version.Product)),
                new("kernel", Version(version.Kernel)),
                new("base", Version(version.Kernel)),
                new("platform", new XmlRpcString("Redoubt")),
                new("config_version", new XmlRpcString(version.Config)),
            ])
        );
    }

    private async Task<XmlRpcResponse> BackupAsync(ImmutableArray<string> names, CancellationToken cancel)
    {
        // PHP has no empty struct: a caller that iterates over the names gets a list without any.
        if (names.IsEmpty)
            return new XmlRpcResponse(XmlRpcArray.Empty);
        var answer = await daemon.BackupAsync(names, cancel).ConfigureAwait(false);
        return answer is XmlRpcStruct { Members.IsEmpty: true } ? new XmlRpcResponse(XmlRpcArray.Empty) : new XmlRpcResponse(answer);
    }

    private async Task<XmlRpcResponse> DigestsAsync(Caller caller, CancellationToken cancel)
    {
        var digests = await daemon.DigestsAsync(caller, cancel).ConfigureAwait(false);
        return new XmlRpcResponse(new XmlRpcStruct([.. digests.Select(d => new XmlRpcMember(d.Area, new XmlRpcString(d.Digest)))]));
    }

    private async Task<XmlRpcResponse> ChangeAsync(string method, XmlRpcStruct? body, Caller caller, CancellationToken cancel)
    {
        // About as long as what came: growing would double megabytes over and over.
        var output = new ArrayBufferWriter<byte>((int)Math.Clamp(caller.Bytes + 256, 256, options.Limits.Message.Bytes));
        ReadOnlySpan<XmlRpcValue> parameters = body is null ? [] : [body];
        if (XmlRpcWriter.WriteCall(output, Prefix + method, parameters) is { IsNone: false } refusal)
            return Refused($"{method}: {refusal}");
        if (!await _change.WaitAsync(options.Limits.Wait, cancel).ConfigureAwait(false))
            return Refused("another change is being made on this node");
        try
        {
            // A caller that hangs up does not stop what has begun: the outcome stands in the audit and in the status.
            var outcome = await daemon.ReceiveAsync(method, caller, output.WrittenMemory, CancellationToken.None).ConfigureAwait(false);
            return outcome.Ok == true
                ? new XmlRpcResponse(XmlRpcBoolean.True)
                : new XmlRpcResponse(
                    new XmlRpcFault(outcome.FaultCode ?? XmlRpcFault.RefusedCode, outcome.Message ?? "the daemon gives no reason")
                );
        }
        finally
        {
            _change.Release();
        }
    }

    private async Task<XmlRpcResponse> ExecPhpAsync(string snippet, Caller caller, CancellationToken cancel)
    {
        if (CallRecogniser.Php(snippet) is not { } recognised)
            return Refused("exec_php: this snippet is not on the list of recognised snippets");
        foreach (var action in recognised.Actions)
        {
            if (await ActAsync("exec_php", action, caller, cancel).ConfigureAwait(false) is { } failed)
                return failed;
        }
        return await snippets.AnswerAsync(recognised, cancel).ConfigureAwait(false);
    }

    private async Task<XmlRpcResponse> ExecShellAsync(string command, Caller caller, CancellationToken cancel)
    {
        if (!options.AllowExecShell || CallRecogniser.Shell(command) is not { } action)
            return Refused("exec_shell: this command is not on the list of recognised commands");
        return await ActAsync("exec_shell", action, caller, cancel).ConfigureAwait(false) ?? new XmlRpcResponse(XmlRpcBoolean.True);
    }

    // Null where it was done.
    private async Task<XmlRpcResponse?> ActAsync(string method, RecognisedQuery action, Caller caller, CancellationToken cancel)
    {
        switch (action.Call)
        {
            case RecognisedCall.ReloadFilter or RecognisedCall.ReloadAddresses:
                var change = action.Call == RecognisedCall.ReloadFilter ? "filter_configure" : "interfaces_carp_configure";
                var response = await ChangeAsync(change, null, caller, cancel).ConfigureAwait(false);
                return response.Fault is null ? null : response;
            case RecognisedCall.PackageSync:
                return null; // there are no packages whose settings had to be put into effect
            case RecognisedCall.Reboot:
                return Refused($"{method}: this node is not rebooted from remote");
            default:
                return Refused($"{method}: services of this node are started and stopped by its system alone");
        }
    }

    private static Task<XmlRpcResponse> Done(XmlRpcValue value) => Task.FromResult(new XmlRpcResponse(value));

    private static Task<XmlRpcResponse> Done(XmlRpcFault fault) => Task.FromResult(new XmlRpcResponse(fault));

    private static XmlRpcResponse Refused(string text) => new(XmlRpcFault.Refused(text));
}
