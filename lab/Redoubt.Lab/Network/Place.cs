using System.Diagnostics;
using Redoubt.Lab.Processes;
using Redoubt.Linux;
using Redoubt.Linux.Links;

namespace Redoubt.Lab.Network;

/// <summary>What a short program said.</summary>
/// <param name="ExitCode">Its exit code; -1 when it was killed because it took too long.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record ToolResult(int ExitCode, string Output, string Error);

/// <summary>
/// A network namespace with a name: a host of the lab, or its switch. It has no name in the file system; it is held by a descriptor
/// of this process and vanishes with it and with the programs inside.
/// </summary>
public sealed class Place : IDisposable
{
    private static readonly TimeSpan _toolLimit = TimeSpan.FromSeconds(30);
    private readonly NetworkNamespace _namespace;

    /// <summary>The namespace, for traffic and verdicts that open their sockets in it.</summary>
    public NetworkNamespace Namespace => _namespace;

    /// <summary>Makes an empty place: only lo, which is up.</summary>
    public Place(string name)
    {
        Name = name;
        _namespace = NetworkNamespace.Create();
        Run(() =>
        {
            // Addresses are usable at once; nobody in the lab has an address twice but the virtual ones.
            LinkSysctl.Write(LinkSysctl.Path("ipv6", "default", "accept_dad"), 0);
            LinkSysctl.Write(LinkSysctl.Path("ipv6", "default", "accept_ra"), 0);
        });
        Ip("link set lo up");
    }

    /// <summary>Name: client, server, observer, fw1.., switch.</summary>
    public string Name { get; }

    /// <summary>Path of the namespace for nsenter and ip; valid while this process lives.</summary>
    public string NamespacePath => $"/proc/{Environment.ProcessId}/fd/{_namespace.Handle.DangerousGetHandle()}";

    /// <summary>Runs an action on a thread inside; sockets that it opens stay inside.</summary>
    public void Run(Action action) => _namespace.Run(action);

    /// <summary>Runs a function on a thread inside.</summary>
    public T Run<T>(Func<T> function)
    {
        T? result = default;
        _namespace.Run(() => result = function());
        return result!;
    }

    /// <summary>Runs a short program inside and returns its output; throws <see cref="LabException"/> when it fails.</summary>
    public string Execute(params IReadOnlyList<string> command)
    {
        var result = TryExecute(command);
        return result.ExitCode == 0 ? result.Output : throw Failed(command, result);
    }

    /// <summary>Runs a short program inside (at most 30 s).</summary>
    public ToolResult TryExecute(params IReadOnlyList<string> command) => Run(() => Converse(command, ""));

    /// <summary>Runs lines of ip commands, "addr add 10.0.0.1/24 dev lan0", in order, until one fails.</summary>
    public void Ip(params IReadOnlyList<string> lines) => Feed(["ip", "-batch", "-"], string.Join('\n', lines) + "\n");

    /// <summary>Loads an nft script in one transaction.</summary>
    public void Nft(string script) => Feed(["nft", "-f", "-"], script);

    /// <summary>Reads a setting below /proc/sys/net, "ipv4/ip_forward"; null where it is not there.</summary>
    public int? Sysctl(string name) => Run(() => LinkSysctl.Read($"/proc/sys/net/{name}"));

    /// <summary>Writes a setting below /proc/sys/net; throws <see cref="LabException"/>.</summary>
    public void SetSysctl(string name, int value)
    {
        if (!Run(() => LinkSysctl.Write($"/proc/sys/net/{name}", value)))
            throw new LabException($"{Name}: the kernel does not let us set {name} to {value}");
    }

    /// <summary>True when the address is configured on a device of this place.</summary>
    public bool HasAddress(string address) => Execute("ip", "-o", "addr", "show", "to", address).Length > 0;

    /// <summary>True when at least one of so many pings, 100 ms apart, comes back.</summary>
    public bool Pings(string address, int count = 3) =>
        TryExecute("ping", "-n", "-q", "-c", $"{count}", "-i", "0.1", "-W", "1", address).ExitCode == 0;

    /// <inheritdoc />
    public void Dispose() => _namespace.Dispose();

    /// <inheritdoc />
    public override string ToString() => Name;

    private void Feed(IReadOnlyList<string> command, string input)
    {
        var result = Run(() => Converse(command, input));
        if (result.ExitCode != 0)
            throw new LabException($"{Failed(command, result).Message}\n{input}");
    }

    private LabException Failed(IReadOnlyList<string> command, ToolResult result) =>
        new($"{Name}: {string.Join(' ', command)} ended with code {result.ExitCode}: {result.Error}{result.Output}");

    private static ToolResult Converse(IReadOnlyList<string> command, string input)
    {
        using var process = Process.Start(
            new ProcessStartInfo(Tool.Find(command[0]), command.Skip(1))
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it had read everything; its exit code says why.
        }
        var inTime = process.WaitForExit(_toolLimit);
        if (!inTime)
            process.Kill();
        process.WaitForExit();
        return new ToolResult(inTime ? process.ExitCode : -1, output.Result, error.Result);
    }
}
