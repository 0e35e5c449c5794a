using System.Diagnostics;
using System.Text.Json;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>The command redoubt-lab as a user runs it: up, look, break, heal, down.</summary>
public sealed class LabCommandTests : IDisposable
{
    private readonly string _parent = Directory.CreateTempSubdirectory("redoubt-lab-test-").FullName;

    private string Lab => Path.Combine(_parent, "lab");

    public void Dispose()
    {
        Run("down", "--dir", Lab);
        Directory.Delete(_parent, recursive: true);
    }

    [Fact]
    public void A_lab_comes_up_is_used_broken_and_healed_and_goes_without_a_trace()
    {
        LabSession.SkipWithoutNamespaces();
        Expect(0, "fw1.sock", "up", "--no-statesync", "--dir", Lab);
        var holder = Record().GetProperty("Process").GetInt32();
        if (OperatingSystem.IsLinux()) // for the analyzer only
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Lab));
        Expect(1, "runs already", "up", "--dir", Lab);
        Expect(0, "fw2.lan", "status", "--dir", Lab);
        Expect(0, "10.0.0.50", "exec", "--dir", Lab, "client", "ip", "-4", "addr", "show", "dev", "lan0");
        Expect(1, "", "exec", "--dir", Lab, "client", "false");
        Expect(1, "no place nobody", "exec", "--dir", Lab, "nobody", "true");
        Expect(1, "no firewall fw7", "fault", "--dir", Lab, "kill", "fw7");
        Expect(1, "not understood", "fault", "--dir", Lab, "offend", "fw1");
        Expect(1, "percentage", "fault", "--dir", Lab, "lose", "fw1.lan", "200");

        Expect(0, "killed", "fault", "--dir", Lab, "kill", "fw1");
        Expect(0, "unplugged", "fault", "--dir", Lab, "unplug", "fw2.lan");
        Expect(0, "NO-CARRIER", "exec", "--dir", Lab, "fw2", "ip", "link", "show", "dev", "lan0");
        Expect(0, "healed", "heal", "--dir", Lab);
        Expect(0, "LOWER_UP", "exec", "--dir", Lab, "fw2", "ip", "link", "show", "dev", "lan0");
        Expect(0, "fw1: frozen", "fault", "--dir", Lab, "freeze", "fw1");
        Expect(0, "fw1 is healed", "heal", "--dir", Lab, "fw1");

        Expect(0, "down", "down", "--dir", Lab);
        Assert.False(Directory.Exists(Lab));
        Assert.False(Directory.Exists($"/proc/{holder}/fd") && Directory.EnumerateFileSystemEntries($"/proc/{holder}/fd").Any());
        Expect(1, "no lab runs", "down", "--dir", Lab);
    }

    [Fact]
    public void A_lab_whose_holder_was_killed_leaves_no_process_and_can_come_up_again()
    {
        LabSession.SkipWithoutNamespaces();
        Expect(0, "", "up", "--nodes", "1", "--no-statesync", "--dir", Lab);
        var holder = Record().GetProperty("Process").GetInt32();
        var daemons = Daemons();
        Assert.Single(daemons);
        using (var process = Process.GetProcessById(holder))
            process.Kill();
        Deadline.In(10).Await("redoubtd dies with its lab", () => Daemons().Count == 0);
        Expect(1, "no lab runs", "status", "--dir", Lab);
        Expect(0, "fw1.sock", "up", "--nodes", "1", "--no-statesync", "--dir", Lab);
    }

    [Fact]
    public void A_folder_with_something_in_it_is_not_taken()
    {
        Directory.CreateDirectory(Lab);
        File.WriteAllText(Path.Combine(Lab, "precious"), "");
        Expect(1, "not empty", "up", "--dir", Lab);
        Assert.True(File.Exists(Path.Combine(Lab, "precious")));
    }

    [Theory]
    [InlineData("up", "--nodes", "4")]
    [InlineData("up", "--nodes")]
    [InlineData("run", "nothing")]
    [InlineData(
        "status",
        "--dir",
        "/tmp/a-folder-whose-path-is-too-long-for-a-socket/0123456789012345678901234567890123456789012345678901234567890123456789"
    )]
    public void A_command_that_cannot_be_carried_out_says_so(params string[] words) => Assert.Equal(1, Run(words).Code);

    [Fact]
    public void Where_user_namespaces_are_forbidden_the_setting_that_forbids_them_is_named()
    {
        LabSession.SkipWithoutNamespaces();
        // A user namespace in which the next one is forbidden, and no power to make a network namespace without one.
        const string Script = """
            echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$0" run election
            """;
        var program = Path.Combine(AppContext.BaseDirectory, "redoubt-lab");
        var (code, _, error) = RunProgram("unshare", "--user", "--map-root-user", "sh", "-c", Script, program);
        Assert.Equal(1, code);
        Assert.Contains("sysctl user.max_user_namespaces is 0", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Usage_is_exit_2_and_scenarios_are_listed()
    {
        Expect(2, "usage:");
        Expect(2, "usage:", "dance");
        Expect(0, "election", "list");
    }

    [Fact]
    public void A_scenario_is_played_with_a_verdict_in_json()
    {
        LabSession.SkipWithoutNamespaces();
        var (code, output, error) = Run("run", "election", "--json");
        Assert.True(code == 0, output + error);
        using var verdict = JsonDocument.Parse(output);
        Assert.True(verdict.RootElement.GetProperty("passed").GetBoolean());
        Assert.InRange(verdict.RootElement.GetProperty("figures").GetProperty("takeover_ms").GetDouble(), 1, 10_000);
        Assert.Contains("killed", error, StringComparison.Ordinal);
    }

    private JsonElement Record()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Lab, "redoubt-lab.json")));
        return document.RootElement.Clone();
    }

    // Those whose command line names our folder.
    private List<string> Daemons() =>
        [
            .. Directory
                .EnumerateDirectories("/proc")
                .Where(f => int.TryParse(Path.GetFileName(f), out _))
                .Select(CommandLine)
                .Where(c => c.Contains("redoubtd", StringComparison.Ordinal) && c.Contains(Lab, StringComparison.Ordinal)),
        ];

    private static string CommandLine(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static void Expect(int code, string part, params string[] words)
    {
        var result = Run(words);
        Assert.True(result.Code == code, $"redoubt-lab {string.Join(' ', words)}: exit {result.Code}\n{result.Output}{result.Error}");
        Assert.Contains(part, result.Output + result.Error, StringComparison.Ordinal);
    }

    private static (int Code, string Output, string Error) Run(params string[] words) =>
        RunProgram(Path.Combine(AppContext.BaseDirectory, "redoubt-lab"), words);

    private static (int Code, string Output, string Error) RunProgram(string program, params string[] words)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(120_000))
            process.Kill();
        return (process.ExitCode, output, error.Result);
    }
}
