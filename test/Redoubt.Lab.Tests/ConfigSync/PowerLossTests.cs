using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>
/// F-35 and F-34: the power fails, or the disk does, at each single step of a save. The steps are not guessed: they are what the daemon was seen to do. A kill keeps what the kernel
/// has not written yet; that the order of syncs and renames covers this too is a test of its own.
/// </summary>
public sealed class PowerLossTests(StoreNode bench) : IClassFixture<StoreNode>
{
    private RedoubtNode Node => bench.Node;
    private static int _edits; // each test has an instance of its own

    [Fact]
    public void A_save_syncs_each_file_before_its_name_and_the_folder_after_it()
    {
        var calls = Record("apply");

        var renames = calls
            .Select((c, i) => (Call: c, At: i))
            .Where(c => c.Call.Name.StartsWith("rename", StringComparison.Ordinal))
            .ToList();
        Assert.Contains(renames, r => r.Call.Target == Node.ConfigFile);
        Assert.Contains(renames, r => r.Call.Target.EndsWith(".revision", StringComparison.Ordinal));
        foreach (var (rename, at) in renames)
        {
            var before = calls.Take(at).Where(c => c.Path == rename.Path).Select(c => c.Name).ToList();
            Assert.True(before.LastIndexOf("fsync") > before.LastIndexOf("pwrite64"), $"{rename.Path}: {string.Join(' ', before)}");
            var folder = Path.GetDirectoryName(rename.Target)!;
            var next = calls.Skip(at + 1).TakeWhile(c => !c.Name.StartsWith("rename", StringComparison.Ordinal));
            Assert.Contains(next, c => c.Name == "fsync" && c.Path == folder);
        }
        // The mark is away for good before the next change may write another one.
        var unlink = calls.Select((c, i) => (Call: c, At: i)).Last(c => c.Call.Name.StartsWith("unlink", StringComparison.Ordinal));
        Assert.EndsWith("/pending", unlink.Call.Path, StringComparison.Ordinal);
        Assert.Contains(calls.Skip(unlink.At + 1), c => c.Name == "fsync" && c.Path == Path.GetDirectoryName(unlink.Call.Path));
    }

    [Fact]
    public void A_daemon_that_dies_at_a_rename_comes_back_with_the_old_file_or_the_new_one()
    {
        var renames = Record("apply").Where(c => c.Name.StartsWith("rename", StringComparison.Ordinal)).ToList();
        // The entry of the history, then the file itself.
        foreach (var call in renames.Where(c => !c.Target.EndsWith("pending", StringComparison.Ordinal)))
            Assert.True(DieAt(call, "apply"), $"{call} did not come");
    }

    [Fact]
    public void A_disk_that_fails_at_any_step_leaves_the_old_file_or_the_new_one_and_a_daemon_that_goes_on()
    {
        foreach (var call in Record("apply").Where(c => c.Name is "openat" or "pwrite64" or "fsync" or "rename"))
            FailAt(call, call.Name is "openat" or "pwrite64" ? "ENOSPC" : "EIO");
    }

    [Theory(Explicit = true)]
    [InlineData("apply")]
    [InlineData("confirm")]
    [InlineData("rollback")]
    public void A_daemon_that_dies_at_any_step_comes_back_with_the_old_file_or_the_new_one(string operation)
    {
        var calls = Record(operation);
        // A thread may make one call more or less than the recorded one did, and then lives on: that has to be the exception.
        var died = calls.Count(c => DieAt(c, operation));
        Assert.InRange(died, calls.Count - 2, calls.Count);
    }

    /// <summary>A change that is about to be made: the file that it makes, and the request that makes it.</summary>
    private sealed record Step(byte[] Wanted, Func<ControlReply> Act);

    private Step Prepare(string operation)
    {
        if (operation == "rollback")
        {
            var before = File.ReadAllBytes(Node.ConfigFile);
            Assert.True(Change().Ok);
            var id = History().First(h => !h.Current).Id;
            var request = new ControlRequest
            {
                Verb = ControlVerb.ConfigRollback,
                Rollback = new ConfigRollbackRequest { Id = id, User = "operator" },
            };
            return new Step(before, () => Node.Ask(request));
        }
        var wanted = Edited();
        if (operation == "apply")
            return new Step(wanted, () => Configured.Apply(Node, wanted));
        Assert.True(Configured.Apply(Node, wanted, confirm: 60).Ok);
        return new Step(wanted, () => Node.Ask(ControlVerb.ConfigConfirm));
    }

    private IReadOnlyList<FileCall> Record(string operation)
    {
        var step = Prepare(operation);
        using var trace = new SystemCallTrace(Node);
        var reply = step.Act();
        var calls = trace.Stop();
        Assert.True(reply.Ok, reply.Message);
        Assert.NotEmpty(calls);
        return calls;
    }

    private bool DieAt(FileCall call, string operation)
    {
        var step = Prepare(operation);
        var old = File.ReadAllBytes(Node.ConfigFile);
        using (new SystemCallTrace(Node, $"{call.Name}:signal=KILL:when={call.Number}"))
        {
            if (Act(step))
            {
                Assert.Equal(step.Wanted, File.ReadAllBytes(Node.ConfigFile));
                return false;
            }
            Deadline.In(5).Await($"the daemon died at {call}", () => !Node.Daemon!.IsRunning);
        }
        var now = File.ReadAllBytes(Node.ConfigFile);
        Node.Start();
        var shown = Configured.Show(Node);
        Assert.Equal(now, File.ReadAllBytes(Node.ConfigFile));
        Assert.Equal(now, shown.ToBytes());
        IsWhole(old, step.Wanted, now, $"died at {call}");
        return true;
    }

    // False where nobody answers any more.
    private static bool Act(Step step)
    {
        try
        {
            return step.Act().Ok == true;
        }
        catch (ControlException)
        {
            return false;
        }
    }

    private void FailAt(FileCall call, string error)
    {
        var old = File.ReadAllBytes(Node.ConfigFile);
        var next = Edited();
        ControlReply reply;
        // Nothing but the change itself: each thread counts its own calls, and another question would meet the fault, too.
        using (new SystemCallTrace(Node, $"{call.Name}:error={error}:when={call.Number}"))
            reply = Configured.Apply(Node, next);
        var now = File.ReadAllBytes(Node.ConfigFile);
        var isNew = !now.AsSpan().SequenceEqual(old);
        Assert.True(reply.Ok == isNew, $"{call}, {error}: {reply.Message}");
        Assert.Equal(now, Configured.Show(Node).ToBytes());
        IsWhole(old, next, now, $"{error} at {call}");
        // Nothing is left that keeps the next one from being saved.
        var after = Change();
        Assert.True(after.Ok, $"after {error} at {call}: {after.Message}");
    }

    private void IsWhole(byte[] old, byte[] wanted, byte[] now, string what)
    {
        Assert.True(now.AsSpan().SequenceEqual(old) || now.AsSpan().SequenceEqual(wanted), $"{what}: neither the old file nor the new one");
        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(now));
        Assert.Contains(History(), h => h.Digest == digest && h.Current);
        foreach (var entry in History())
        {
            var diff = Node.Ask(
                new ControlRequest
                {
                    Verb = ControlVerb.ConfigDiff,
                    Diff = new ConfigDiffRequest { Id = entry.Id },
                }
            );
            Assert.True(diff.Ok, $"{what}: entry {entry.Id}: {diff.Message}");
        }
        Assert.Empty(Directory.GetFiles(Node.Directory, "*.draft", SearchOption.AllDirectories));
    }

    private IReadOnlyList<ConfigRevision> History() => Node.Ask(ControlVerb.ConfigHistory).History!;

    private ControlReply Change() => Configured.Apply(Node, Edited());

    private byte[] Edited()
    {
        _edits++;
        var document = Configured.Show(Node);
        var root = Configured.Add(WithoutEdits(document.Root), "filter", Configured.Rule("pass", "<any/>", $"edit {_edits}"));
        return document.With(root).ToBytes();
    }

    private static ConfigNode WithoutEdits(ConfigNode root) =>
        root.WithPath(
            "filter",
            f => f!.WithChildren([.. f.Children.Where(r => !r.Value("descr").StartsWith("edit ", StringComparison.Ordinal))])
        );
}
