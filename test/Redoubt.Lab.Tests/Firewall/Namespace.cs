using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;
using Redoubt.Linux.Nftables;

namespace Redoubt.Lab.Tests.Firewall;

/// <summary>Runs nft and shell scripts in a fresh user, network and mount namespace; it ends with the command.</summary>
internal static class Namespace
{
    private const string Unshare = "/usr/bin/unshare";
    private static readonly string[] Fresh = ["--user", "--map-root-user", "--net", "--mount", "--kill-child"];

    public static NftResult Nft(string[] arguments, string input) =>
        NftCommand.Run([.. Fresh, "/usr/sbin/nft", .. arguments], input, TimeSpan.FromSeconds(60), Unshare);

    /// <summary>The same as the machine's root, whose netlink messages may be larger than anybody else's.</summary>
    public static NftResult NftAsRoot(string[] arguments, string input) =>
        NftCommand.Run(["--net", "--mount", "/usr/sbin/nft", .. arguments], input, TimeSpan.FromSeconds(60), Unshare);

    /// <summary>The script's standard input is the ruleset.</summary>
    public static NftResult Script(string script, string ruleset) =>
        NftCommand.Run(
            [.. Fresh, "/bin/bash", "-c", "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n" + script],
            ruleset,
            TimeSpan.FromSeconds(60),
            Unshare
        );

    public static NodeConfiguration Pair() => Vector("pair.xml");

    /// <summary>A sample configuration of test/vectors.</summary>
    public static NodeConfiguration Vector(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var file = Path.Combine(folder.FullName, "test", "vectors", "config", "good", name);
            if (File.Exists(file))
                return ConfigurationReader.Read(File.ReadAllBytes(file), file).Configuration!;
        }
        throw new FileNotFoundException(name);
    }

    public static string PairRuleset() => RulesetCompiler.Compile(Pair(), new RulesetContext());
}
