using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>Programs of the lab: their words are heard, their end is certain.</summary>
public sealed class LabProcessTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-lab-test-").FullName;
    private readonly Place? _place;

    public LabProcessTests()
    {
        LabSession.SkipWithoutNamespaces();
        _place = new Place("host");
    }

    public void Dispose()
    {
        _place?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Lines_are_awaited_kept_and_logged()
    {
        using var process = Start("echo one; echo two >&2; sleep 60");
        Assert.Equal("two", process.WaitForLine("tw", Deadline.In(10)));
        process.WaitForLine("one", Deadline.In(10));
        Assert.Equal(2, process.LineCount);
        Assert.True(process.IsRunning);
        Assert.Null(process.ExitCode);
        Assert.Contains("one", File.ReadAllText(Log), StringComparison.Ordinal);
        Assert.Throws<LabException>(() => process.WaitForLine("three", Deadline.In(0.2)));
    }

    [Fact]
    public void Waiting_for_a_line_ends_with_the_program()
    {
        using var process = Start("echo only; exit 3");
        var error = Assert.Throws<LabException>(() => process.WaitForLine("other", Deadline.In(10)));
        Assert.Contains("code 3", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, process.WaitForExit(Deadline.In(10)));
    }

    [Fact]
    public void Only_the_last_lines_stay_in_memory()
    {
        using var process = Start("i=0; while [ $i -lt 700 ]; do i=$((i+1)); echo line $i; done");
        process.WaitForExit(Deadline.In(10));
        Deadline.In(10).Await("all lines are read", () => process.LineCount == 700);
        Assert.Equal(LabProcess.KeptLines, process.Lines.Count);
        Assert.Equal("line 700", process.Lines[^1]);
    }

    [Fact]
    public void A_killed_program_takes_its_children_along()
    {
        using var process = Start("sleep 1000 & echo $!; wait");
        Deadline.In(10).Await("the child's id", () => process.LineCount == 1);
        var child = process.Lines[0];
        Assert.True(Directory.Exists($"/proc/{child}"));
        process.Kill9();
        Assert.False(process.IsRunning);
        Assert.Equal(128 + 9, process.ExitCode);
        AwaitGone(child);
    }

    [Fact]
    public void A_disposed_program_is_gone()
    {
        var process = Start("sleep 1000");
        Assert.True(Directory.Exists($"/proc/{process.Id}"));
        process.Dispose();
        AwaitGone($"{process.Id}");
    }

    [Fact]
    public void A_frozen_program_says_nothing_until_it_is_thawed()
    {
        using var process = Start("while sleep 0.02; do echo tick; done");
        process.WaitForLine("tick", Deadline.In(10));
        process.Freeze();
        Deadline.In(10).Await("it has stopped", () => State(process.Id) == 'T');
        var before = process.LineCount;
        Assert.Throws<LabException>(() => Deadline.In(0.5).Await("more ticks", () => process.LineCount > before + 1));
        process.Thaw();
        Deadline.In(10).Await("more ticks", () => process.LineCount > before + 2);
    }

    [Fact]
    public void Terminate_waits_for_an_orderly_end_and_kills_what_does_not_listen()
    {
        using var orderly = Start("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
        orderly.WaitForLine("ready", Deadline.In(10));
        Assert.True(orderly.Terminate(Deadline.In(10)));
        Assert.Equal(7, orderly.ExitCode);
        using var deaf = Start("trap '' TERM; echo ready; while :; do sleep 0.05; done");
        deaf.WaitForLine("ready", Deadline.In(10));
        Assert.False(deaf.Terminate(Deadline.In(0.3)));
        Assert.Equal(128 + 9, deaf.ExitCode);
    }

    [Fact]
    public void A_program_that_is_not_there_is_named_with_its_package()
    {
        Assert.Contains(
            "no-such-tool",
            Assert.Throws<LabException>(() => _place!.Execute("no-such-tool")).Message,
            StringComparison.Ordinal
        );
        Assert.Throws<LabException>(() => Tool.Require("ip", "no-such-tool"));
        Tool.Require("ip");
    }

    private string Log => Path.Combine(_directory, "log");

    private LabProcess Start(string script) => LabProcess.Start(_place!, "script", Log, "sh", "-c", script);

    private static void AwaitGone(string id) =>
        Deadline.In(10).Await($"process {id} is gone", () => !Directory.Exists($"/proc/{id}") || State(int.Parse(id)) is 'Z' or '?');

    private static char State(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return '?';
        }
    }
}
