using System.Globalization;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>What runs only on the master, with real daemons.</summary>
public sealed class RoleServiceTests
{
    // Its pid is its sign of life; it ignores no signal, says what it hears, and has a child.
    private const string Program = """
        #!/bin/sh
        echo $$ > "$1.pid"
        trap 'echo asked >> "$1.log"; exit 0' TERM
        echo begun >> "$1.log"
        while :; do sleep 0.1; done
        """;

    private const string Units =
        "<service><name>web</name><unit>web.service</unit></service><service><name>bad</name><unit>broken.service</unit><vip>lan@1</vip></service>";

    private static LabCluster Build(string directory)
    {
        NodeOptions Node(int number) =>
            new RedoubtOptions
            {
                StateSync = false,
                RedoubtXml = $"""
                    <failover>
                      <service><name>dns</name><command><arg>{directory}/service.sh</arg><arg>{directory}/fw{number}</arg></command></service>
                      {(number == 1 ? Units : "")}
                    </failover>
                    """,
            };
        return LabSession.Build(new LabOptions { Nodes = [Node(1), Node(2)] });
    }

    private static string NewDirectory()
    {
        var directory = Directory.CreateTempSubdirectory("redoubt-service-").FullName;
        var program = Path.Combine(directory, "service.sh");
        File.WriteAllText(program, Program);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return directory;
    }

    private static ServiceStatus Service(RedoubtNode node, string name = "dns") => node.Status().Carp.Services.Single(s => s.Name == name);

    private static int? Pid(string directory, int number) =>
        int.TryParse(
            File.Exists($"{directory}/fw{number}.pid") ? File.ReadAllText($"{directory}/fw{number}.pid") : "",
            NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture,
            out var pid
        ) && Directory.Exists($"/proc/{pid}")
            ? pid
            : null;

    private static string Log(string directory, int number) =>
        File.Exists($"{directory}/fw{number}.log") ? File.ReadAllText($"{directory}/fw{number}.log").ReplaceLineEndings(" ").Trim() : "";

    // In this mount namespace alone, systemctl is a program that notes what it is asked.
    private static string FakeSystemCtl(string directory)
    {
        var fake = Path.Combine(directory, "systemctl");
        File.WriteAllText(
            fake,
            $"#!/bin/sh\necho \"$*\" >> {directory}/systemctl.log\ncase \"$*\" in *broken*) echo 'no such unit' >&2; exit 5;; esac\n"
        );
        File.SetUnixFileMode(fake, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return fake;
    }

    private static IEnumerable<string> Asked(string directory) =>
        File.ReadAllLines(Path.Combine(directory, "systemctl.log"))
            .Where(l => l.EndsWith("web.service", StringComparison.Ordinal))
            .Select(l => l.Split(" -- ")[0]);

    [Fact]
    public void Services_run_on_the_master_alone_and_again_when_they_die_and_end_with_the_daemon_and_a_refusal_is_told()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemctl"), "systemctl is not installed");
        var directory = NewDirectory();
        using var lab = Build(directory);
        var (fw1, fw2, host) = (lab.Redoubt(1), lab.Redoubt(2), lab.Topology.Client);
        host.Execute("mount", "--bind", FakeSystemCtl(directory), "/usr/bin/systemctl");
        try
        {
            lab.StartAll();
            fw1.WaitForState(VipState.Master, Deadline.In(20));
            Deadline
                .In(10)
                .Await(
                    "it runs on fw1",
                    () => Pid(directory, 1) is not null && Service(fw1).Running == true && Service(fw1, "web").Running == true,
                    () => $"{Service(fw1)}; {Service(fw1, "web")}; {Log(directory, 1)}"
                );
            Assert.True(Service(fw2) is { Wanted: false, Running: false, Error: null, Group: "main" });
            Assert.Equal("start", Asked(directory).Last());
            Deadline.In(10).Await("a unit cannot be started", () => Service(fw1, "bad").Error is not null);
            Assert.True(Service(fw1, "bad") is { Wanted: true, Running: null, Vip: "lan@1", Group: null });
            Assert.Equal("systemctl ended with code 5: no such unit", Service(fw1, "bad").Error);
            Assert.Contains(fw1.Status().Reasons, r => r.Contains("service bad: systemctl ended", StringComparison.Ordinal));

            var first = Pid(directory, 1)!.Value;
            Linux.Interop.LibC.Kill(first, 9);
            Deadline.In(10).Await("it runs again", () => Pid(directory, 1) is { } pid && pid != first && Service(fw1).Running == true);
            Assert.Contains("ended with code 137", Service(fw1).Error, StringComparison.Ordinal);

            Assert.True(fw1.Ask(new ControlRequest { Verb = ControlVerb.Failover, Force = true }).Ok);
            Deadline
                .In(10)
                .Await(
                    "it runs on fw2 alone",
                    () =>
                        Pid(directory, 2) is not null
                        && Pid(directory, 1) is null
                        && Service(fw1).Running == false
                        && Service(fw1, "web").Running == false
                );
            Assert.Equal("begun begun asked", Log(directory, 1));

            // The kernel kills it with the daemon, before the daemon is started anew: none is left behind.
            fw2.Kill9();
            Deadline.In(5).Await("it is gone with the daemon", () => Pid(directory, 2) is null);
            Deadline.In(10).Await("it runs on fw1 again", () => Pid(directory, 1) is not null && Service(fw1, "web").Running == true);
            Assert.True(fw1.Stop());
            Assert.Null(Pid(directory, 1));
            Assert.Equal(["start", "stop", "start", "stop"], Asked(directory).TakeLast(4));
        }
        finally
        {
            host.TryExecute("umount", "/usr/bin/systemctl");
            Directory.Delete(directory, recursive: true);
        }
    }
}
