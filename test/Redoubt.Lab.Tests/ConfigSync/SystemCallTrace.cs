using System.Globalization;
using System.Text.RegularExpressions;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>One system call that changes files: the how-manieth of its name on its thread, and on what.</summary>
internal sealed record FileCall(string Name, int Number, string Path, string Target);

/// <summary>strace on a running daemon: it records what the daemon does to its files, or ends the daemon, or fails it, at one of these calls.</summary>
internal sealed partial class SystemCallTrace : IDisposable
{
    private const string Calls = "openat,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,fchmod,ftruncate,link";
    private readonly LabProcess _strace;
    private readonly string _output;
    private readonly string _directory;

    /// <summary>Attaches; <paramref name="injection"/> is strace's, "rename:signal=KILL:when=2". Returns when every thread is attached.</summary>
    public SystemCallTrace(RedoubtNode node, string? injection = null)
    {
        _directory = node.Directory;
        _output = Path.Combine(node.Directory, $"strace.{Guid.NewGuid():N}");
        List<string> command = ["strace", "-f", "-y", "-o", _output, "-p", $"{node.Daemon!.Id}", "-e", $"trace={Calls}"];
        if (injection is not null)
            command.AddRange(["-e", $"inject={injection}"]);
        _strace = LabProcess.Start(node.Place, "strace", _output + ".log", command);
        _strace.WaitForLine("attached", Deadline.In(10));
    }

    /// <summary>Detaches, and tells what was done to files below the node's directory that last, in order; what only read is left out.</summary>
    public IReadOnlyList<FileCall> Stop()
    {
        _strace.Terminate(Deadline.In(5));
        var counts = new Dictionary<(string Thread, string Name), int>();
        var calls = new List<FileCall>();
        foreach (var line in File.ReadLines(_output))
        {
            var match = CallLine().Match(line);
            if (!match.Success)
                continue; // resumed, signals, ends
            var (thread, name, rest) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
            var number = counts[(thread, name)] = counts.GetValueOrDefault((thread, name)) + 1;
            var paths = PathOf().Matches(rest).Select(p => p.Groups[1].Success ? p.Groups[1].Value : p.Groups[2].Value).ToList();
            var changes =
                name != "openat"
                || rest.Contains("O_CREAT", StringComparison.Ordinal)
                || rest.Contains("O_DIRECTORY", StringComparison.Ordinal);
            var path = paths.FirstOrDefault(p => p.StartsWith(_directory, StringComparison.Ordinal)) ?? "";
            if (changes && path.Length > 0 && !path.EndsWith("/events", StringComparison.Ordinal))
                calls.Add(new FileCall(name, number, path, name.StartsWith("rename", StringComparison.Ordinal) ? paths[^1] : ""));
        }
        return calls;
    }

    public void Dispose()
    {
        _strace.Dispose();
        foreach (var file in Directory.GetFiles(_directory, "strace.*"))
            File.Delete(file);
    }

    [GeneratedRegex(@"^(\d+)\s+([a-z0-9]+)\((.*)$")]
    private static partial Regex CallLine();

    // A quoted name, or what -y says a descriptor is.
    [GeneratedRegex("\"([^\"]*)\"|<(/[^>]*)>")]
    private static partial Regex PathOf();

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"strace of {_directory}");
}
