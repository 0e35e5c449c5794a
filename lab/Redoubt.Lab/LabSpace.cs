using System.Diagnostics;
using Redoubt.Lab.Processes;
using Redoubt.Linux;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab;

/// <summary>
/// Where the lab may live: a user namespace of its own, in which it is root and nobody outside is touched. Tests start within
/// <c>unshare --user --map-root-user --net --mount</c>; the command puts itself there.
/// </summary>
public static class LabSpace
{
    private static readonly string[] _unshare = ["--user", "--map-root-user", "--net", "--mount", "--"];

    /// <summary>True when we are in a user namespace other than the machine's first one, and may make network namespaces.</summary>
    public static bool IsPrivate => !IsFirstUserNamespace && WhyNot() is null;

    /// <summary>Throws <see cref="LabException"/> when no network namespace can be made here.</summary>
    public static void Check()
    {
        if (WhyNot() is { } why)
            throw new LabException($"no network namespace ({why}): run within unshare --user --map-root-user --net --mount");
    }

    /// <summary>
    /// Returns when the process is in a private space; else it becomes a new run of the same program there. Throws
    /// <see cref="LabException"/> that says what the host lacks.
    /// </summary>
    public static void Enter(IReadOnlyList<string> arguments)
    {
        if (IsPrivate)
            return;
        Tool.Require("unshare");
        if (WhyNoUserNamespace() is { } why)
            throw new LabException(why);
        throw SystemCalls.Execute(Tool.Find("unshare"), [.. _unshare, .. OwnCommand, .. arguments]);
    }

    /// <summary>
    /// Like <see cref="Enter"/>, but who is root on the machine stays so, in namespaces for network and mounts alone: only he may send the kernel a ruleset of thousands of rules in one
    /// message (SO_SNDBUFFORCE). Others get what the system's limit allows.
    /// </summary>
    public static void EnterAsRoot(IReadOnlyList<string> arguments)
    {
        const string Inside = "REDOUBT_LAB_SPACE";
        if (Environment.GetEnvironmentVariable(Inside) == "root")
            return;
        if (!IsFirstUserNamespace || Environment.UserName != "root")
        {
            Enter(arguments);
            return;
        }
        Tool.Require("unshare");
        string[] enter = ["--net", "--mount", "--", Tool.Find("env"), $"{Inside}=root"];
        throw SystemCalls.Execute(Tool.Find("unshare"), [.. enter, .. OwnCommand, .. arguments]);
    }

    /// <summary>The command line that starts this program, without arguments.</summary>
    internal static IReadOnlyList<string> OwnCommand
    {
        get
        {
            var program = Environment.ProcessPath ?? throw new LabException("the path of this program is unknown");
            return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Environment.GetCommandLineArgs()[0]] : [program];
        }
    }

    // The first one maps every id to itself.
    private static bool IsFirstUserNamespace =>
        File.ReadAllText("/proc/self/uid_map").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
            is ["0", "0", "4294967295"];

    private static string? WhyNot()
    {
        try
        {
            using var probe = NetworkNamespace.Create();
            return null;
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }

    private static string? WhyNoUserNamespace()
    {
        using var process = Process.Start(
            new ProcessStartInfo(Tool.Find("unshare"), [.. _unshare, Tool.Find("true")]) { RedirectStandardError = true }
        )!;
        var said = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        if (process.ExitCode == 0)
            return null;
        (string Name, string Bad)[] settings =
        [
            ("kernel/unprivileged_userns_clone", "0"),
            ("user/max_user_namespaces", "0"),
            ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ];
        var causes = settings
            .Where(s => File.Exists($"/proc/sys/{s.Name}") && File.ReadAllText($"/proc/sys/{s.Name}").Trim() == s.Bad)
            .Select(s => $"sysctl {s.Name.Replace('/', '.')} is {s.Bad}")
            .ToList();
        return $"this host allows no user namespace ({said}); "
            + (causes.Count > 0 ? string.Join(", ", causes) : "a container's seccomp profile may forbid it");
    }
}
