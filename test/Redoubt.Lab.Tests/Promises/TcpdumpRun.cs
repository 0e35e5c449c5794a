using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>
/// Debian's tcpdump within a user namespace. Being root it insists on changing to another user, or with -Z root to the same one, and
/// calls setgroups(2), which an unprivileged user namespace forbids: a seccomp filter lets that call succeed without effect.
/// </summary>
internal static unsafe partial class TcpdumpRun
{
    private const int PR_SET_NO_NEW_PRIVS = 38;
    private const int PR_SET_SECCOMP = 22;
    private const nint SECCOMP_MODE_FILTER = 2;

    /// <summary>Captures so many packets on a device and returns tcpdump's text of each on one line.</summary>
    public static IReadOnlyList<string> Capture(Place place, string device, int count, string filter)
    {
        Assert.SkipUnless(Tool.IsInstalled("tcpdump"), "tcpdump is not installed");
        string[] arguments = ["-Z", "root", "-n", "-e", "-v", "-l", "-T", "carp", "-i", device, "-c", $"{count}", filter];
        using var process = place.Run(() =>
        {
            PretendSetgroups(); // of this thread, which ends here, and of what it starts
            return Process.Start(
                new ProcessStartInfo(Tool.Find("tcpdump"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
            )!;
        });
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(15)))
            process.Kill();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        List<string> packets = [];
        foreach (var line in output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (char.IsWhiteSpace(line[0]) && packets.Count > 0)
                packets[^1] += line;
            else
                packets.Add(line);
        }
        return packets;
    }

    private static void PretendSetgroups()
    {
        var setgroups = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => 116u,
            Architecture.Arm64 => 159u,
            var other => throw new PlatformNotSupportedException($"number of setgroups on {other}"),
        };
        var filters = stackalloc SocketFilter[]
        {
            new(0x20, 0, 0, 0), // load the number of the call
            new(0x15, 0, 1, setgroups),
            new(0x06, 0, 0, 0x0005_0000), // SECCOMP_RET_ERRNO 0: done, says the kernel
            new(0x06, 0, 0, 0x7fff_0000), // SECCOMP_RET_ALLOW
        };
        var program = new SocketProgram { Length = 4, Filters = filters };
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (nint)(&program), 0, 0) != 0)
            throw new Win32Exception();
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct SocketFilter(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    [StructLayout(LayoutKind.Sequential)]
    private struct SocketProgram
    {
        public ushort Length;
        public SocketFilter* Filters;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nint a, nint b, nint c, nint d);
}
