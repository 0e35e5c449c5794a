using System.Net.Sockets;
using System.Text;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>What a service manager hears of the daemon.</summary>
public sealed class WatchdogTests
{
    [Fact]
    public void The_service_manager_hears_of_the_daemon_while_its_threads_turn_and_not_while_one_hangs()
    {
        using var lab = LabSession.Build(new LabOptions { Nodes = [new RedoubtOptions { StateSync = true }, new RedoubtOptions()] });
        var fw1 = lab.Redoubt(1);
        var path = Path.Combine(lab.Directory, "notify.sock");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        manager.Bind(new UnixDomainSocketEndPoint(path));
        using var daemon = LabProcess.Start(
            fw1.Place,
            "redoubtd",
            Path.Combine(lab.Directory, "redoubtd.log"),
            "env",
            $"NOTIFY_SOCKET={path}",
            "WATCHDOG_USEC=400000",
            RedoubtNode.DaemonPath,
            "--config",
            fw1.ConfigFile,
            "--state",
            fw1.StateDirectory,
            "--control",
            fw1.Control
        );
        Assert.Equal("READY=1", Receive(manager));
        for (var i = 0; i < 3; i++)
            Assert.Equal("WATCHDOG=1", Receive(manager));

        foreach (var (thread, name) in new[] { ("election", "the election"), ("state sync", "the state sync") })
        {
            using (
                var hang = LabProcess.Start(
                    fw1.Place,
                    "strace",
                    Path.Combine(lab.Directory, $"strace.{thread}.log"),
                    "strace",
                    "-o",
                    "/dev/null",
                    "-p",
                    $"{ThreadOf(daemon.Id, thread)}",
                    "-e",
                    "trace=ppoll",
                    "-e",
                    "inject=ppoll:delay_enter=30s"
                )
            )
            {
                hang.WaitForLine("attached", Deadline.In(10));
                Deadline
                    .In(10)
                    .Await(
                        $"{name} hangs",
                        () => fw1.Events().Any(e => e.Message.StartsWith($"{name} stands still", StringComparison.Ordinal))
                    );
                Drain(manager);
                // Three times as long as it takes where all is well.
                manager.ReceiveTimeout = 600;
                Assert.Throws<SocketException>(() => Receive(manager));
                Assert.True(daemon.IsRunning);
                manager.ReceiveTimeout = 20_000;
            }
            Assert.Equal("WATCHDOG=1", Receive(manager));
        }
        Drain(manager);
        Assert.True(daemon.Terminate(Deadline.In(15)));
        List<string> last = [];
        while (manager.Available > 0)
            last.Add(Receive(manager));
        Assert.Equal("STOPPING=1", last[^1]);
    }

    private static string Receive(Socket manager)
    {
        var buffer = new byte[64];
        return Encoding.ASCII.GetString(buffer, 0, manager.Receive(buffer));
    }

    private static void Drain(Socket manager)
    {
        while (manager.Available > 0)
            Receive(manager);
    }

    private static string ThreadOf(int process, string name) =>
        Path.GetFileName(
            Directory
                .EnumerateDirectories($"/proc/{process}/task")
                .First(t => File.ReadAllText(Path.Combine(t, "comm")).TrimEnd('\n') == name)
        );
}
