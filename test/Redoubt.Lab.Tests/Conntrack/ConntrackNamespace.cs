using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Lab.Tests.Conntrack;

/// <summary>
/// A fresh network namespace. Work runs in it on a thread of its own, so the test's thread never leaves home. It dies with its
/// last descriptor. Skips the test where the process may not have one.
/// </summary>
internal sealed partial class ConntrackNamespace : IDisposable
{
    private const int CLONE_NEWNET = 0x40000000;
    private readonly SafeFileHandle _descriptor;

    public ConntrackNamespace()
    {
        SafeFileHandle? descriptor = null;
        OnThread(() =>
        {
            if (unshare(CLONE_NEWNET) == 0)
                descriptor = File.OpenHandle("/proc/thread-self/ns/net");
        });
        Assert.SkipWhen(descriptor is null, "no network namespace: run as root or within unshare --user --map-root-user");
        _descriptor = descriptor!;
        Run(() => Execute("ip", "link set lo up"));
    }

    public void Run(Action action) =>
        OnThread(() =>
        {
            Enter();
            action();
        });

    /// <summary>Runs a program inside and returns what it wrote; fails the test when it fails.</summary>
    public string Shell(string program, string arguments)
    {
        var text = "";
        Run(() => text = Execute(program, arguments));
        return text;
    }

    /// <summary>Feeds a program inside with text.</summary>
    public void Feed(string program, string arguments, string input) => Run(() => Execute(program, arguments, input));

    public void Dispose() => _descriptor.Dispose();

    /// <summary>Moves the device of this namespace into another; the name stays.</summary>
    public void Give(string device, ConntrackNamespace other) =>
        // The child of a thread inherits its namespace, so the target is named by the descriptor of this process.
        Shell("ip", $"link set {device} netns /proc/{Environment.ProcessId}/fd/{other._descriptor.DangerousGetHandle()}");

    private static string Execute(string program, string arguments, string? input = null)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(10_000))
            process.Kill();
        Assert.True(process.ExitCode == 0, $"{program} {arguments}: {errors.Result}");
        return output;
    }

    private void Enter()
    {
        if (setns(_descriptor, CLONE_NEWNET) != 0)
            throw new InvalidOperationException($"setns: errno {Marshal.GetLastPInvokeError()}");
    }

    private static void OnThread(Action action)
    {
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                fault = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        fault?.Throw();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(SafeFileHandle descriptor, int type);
}
