namespace Redoubt.Lab.Processes;

/// <summary>The programs of the host that the lab uses, and the Debian package that brings each.</summary>
public static class Tool
{
    private static readonly string[] _folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

    private static readonly Dictionary<string, string> _packages = new()
    {
        ["ip"] = "iproute2",
        ["nft"] = "nftables",
        ["conntrack"] = "conntrack",
        ["conntrackd"] = "conntrackd",
        ["keepalived"] = "keepalived",
        ["ucarp"] = "ucarp",
        ["vsftpd"] = "vsftpd",
        ["ping"] = "iputils-ping",
        ["tcpdump"] = "tcpdump",
        ["unshare"] = "util-linux",
        ["nsenter"] = "util-linux",
        ["setpriv"] = "util-linux",
        ["setsid"] = "util-linux",
        ["sh"] = "dash",
    };

    /// <summary>The full path of a program; a path is returned as it is. Throws <see cref="LabException"/> naming the package.</summary>
    public static string Find(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return name;
        var path = Environment.GetEnvironmentVariable("PATH")?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return _folders.Concat(path).Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists)
            ?? throw new LabException(
                _packages.TryGetValue(name, out var package)
                    ? $"{name} is not installed; on Debian: apt install {package}"
                    : $"{name} is not installed"
            );
    }

    /// <summary>True when the program is there.</summary>
    public static bool IsInstalled(string name)
    {
        try
        {
            return Find(name).Length > 0;
        }
        catch (LabException)
        {
            return false;
        }
    }

    /// <summary>Throws <see cref="LabException"/> that names everything that is missing.</summary>
    public static void Require(params IEnumerable<string> names)
    {
        var missing = names.Where(n => !IsInstalled(n)).ToList();
        if (missing.Count > 0)
            throw new LabException(
                $"missing programs: {string.Join(", ", missing)}; on Debian: apt install "
                    + string.Join(' ', missing.Select(m => _packages.GetValueOrDefault(m, m)).Distinct())
            );
    }
}
