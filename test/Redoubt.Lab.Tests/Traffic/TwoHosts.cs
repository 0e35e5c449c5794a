using System.Diagnostics;
using System.Net;
using Redoubt.Linux;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Tests.Traffic;

/// <summary>Two namespaces joined by one veth pair: 10.77.0.1 (client, device left) and 10.77.0.2 (server, device right).</summary>
internal sealed class TwoHosts : IDisposable
{
    public static readonly IPAddress ServerAddress = IPAddress.Parse("10.77.0.2");

    public TwoHosts()
    {
        try
        {
            Client = NetworkNamespace.Create();
            Server = NetworkNamespace.Create();
        }
        catch (KernelException e)
        {
            Assert.Skip($"no network namespace ({e.Message}): run as root or within unshare --user --map-root-user");
        }
        var server = $"/proc/{Environment.ProcessId}/fd/{Server.Handle.DangerousGetHandle()}";
        Ip(Client, $"link add left type veth peer name right netns {server}");
        Ip(Client, "addr add 10.77.0.1/24 dev left");
        Ip(Server, "addr add 10.77.0.2/24 dev right");
        Ip(Client, "link set left up");
        Ip(Server, "link set right up");
    }

    public NetworkNamespace Client { get; }
    public NetworkNamespace Server { get; }

    public static void Ip(NetworkNamespace where, string arguments) =>
        where.Run(() =>
        {
            using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"ip {arguments}: {errors}");
        });

    public static void Until(Func<bool> condition, int seconds = 10)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed.TotalSeconds < seconds, "the deadline passed");
            Thread.Sleep(1);
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }
}
