using System.Text.RegularExpressions;

namespace Redoubt.Tests.Configuration;

/// <summary>What every compiled ruleset must look like, whatever the configuration said.</summary>
internal static partial class RulesetShape
{
    public static void AssertWellFormed(string ruleset)
    {
        Assert.StartsWith("add table inet redoubt\ndelete table inet redoubt\ntable inet redoubt {\n", ruleset, StringComparison.Ordinal);
        var depth = 0;
        foreach (var line in ruleset.Split('\n'))
        {
            var code = line.TrimStart();
            if (code.StartsWith('#'))
                continue;
            Assert.Equal(0, code.Count(c => c == '"') % 2);
            var bare = Quoted().Replace(code, "");
            Assert.DoesNotMatch(Foreign(), bare);
            depth += bare.Count(c => c == '{') - bare.Count(c => c == '}');
            Assert.InRange(depth, 0, 3);
        }
        Assert.Equal(0, depth);
        Assert.Contains("type nat hook prerouting", ruleset, StringComparison.Ordinal);
        Assert.Contains("type nat hook postrouting", ruleset, StringComparison.Ordinal);
    }

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    // Outside of quotation marks only what the compiler itself writes.
    [GeneratedRegex(@"[^A-Za-z0-9 _@{}:;.,/!=<>&|+[\]-]")]
    private static partial Regex Foreign();
}
