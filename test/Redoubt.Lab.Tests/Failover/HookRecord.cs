using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>The hooks of one node, and what they noted when they ran: one line each.</summary>
internal sealed class HookRecord
{
    private readonly string _directory;
    private readonly string _file;

    public HookRecord(RedoubtNode node, params string[] names)
    {
        _directory = Path.Combine(node.Directory, "hooks");
        _file = Path.Combine(node.Directory, "hooks.log");
        Directory.CreateDirectory(_directory);
        foreach (var name in names)
            Write(
                name,
                $"echo \"{name} $* | $REDOUBT_NODE $REDOUBT_DEVICE $REDOUBT_STATE $REDOUBT_GROUP ${{REDOUBT_EPOCH:-none}}\" >> {_file}"
            );
    }

    public string PathOf(string name) => Path.Combine(_directory, name);

    public void Write(string name, string script)
    {
        File.WriteAllText(PathOf(name), $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public IReadOnlyList<string> Lines => File.Exists(_file) ? File.ReadAllLines(_file) : [];

    /// <summary>The lines that begin so.</summary>
    public IReadOnlyList<string> Of(string start) => [.. Lines.Where(l => l.StartsWith(start, StringComparison.Ordinal))];

    public void Await(string start, int count = 1, double seconds = 15) =>
        Deadline.In(seconds).Await($"{count} lines '{start}'", () => Of(start).Count >= count, () => string.Join("; ", Lines));

    public void Forget() => File.Delete(_file);
}
