namespace Redoubt.Daemon.Processes;

/// <summary>What programs that the daemon runs find in their environment: nothing of the daemon's own.</summary>
internal static class ChildEnvironment
{
    /// <summary>Where programs are, and a language that programs speak.</summary>
    public static IReadOnlyDictionary<string, string> Basic { get; } =
        new Dictionary<string, string>
        {
            ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ["LC_ALL"] = "C.UTF-8",
        };
}
