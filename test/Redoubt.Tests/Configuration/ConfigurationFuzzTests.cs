using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Tests.Configuration;

public class ConfigurationFuzzTests
{
    private static readonly string[] Scraps =
    [
        "<any/>",
        "</vip>",
        "<not/>",
        "]]>",
        "<![CDATA[",
        "&#0;",
        "&amp;quot;",
        "\"; drop",
        "}",
        "0",
        "255",
        "256",
        "-1",
        "99999999999999999999",
        "::",
        "fe80::1%lo",
        "0.0.0.0",
        "/0",
        "_vip",
        "(self)",
        "lanip",
        "Office",
        "é",
        "\u202e",
        "<a:b/>",
        "",
    ];

    [Fact]
    public void Any_mutation_is_read_or_refused_and_what_is_read_compiles()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("REDOUBT_SEED"), out var given) ? given : 20261124;
        var good = ConfigVectors.Text("good/pair.xml");
        var cuts = Enumerable.Range(0, good.Length).Where(i => good[i] is '<' or '>').ToArray();
        var accepted = 0;
        for (var round = 0; round < 12_000; round++)
        {
            var random = new Random(seed + round);
            var text = Mutate(good, cuts, random);
            try
            {
                var result = ConfigurationReader.Read(text, "fuzz.xml");
                Assert.True(result.Configuration is not null || result.Errors.Any());
                Assert.All(result.Problems, p => Assert.DoesNotContain('\n', p.ToString()));
                if (result.Configuration is null)
                    continue;
                accepted++;
                RulesetShape.AssertWellFormed(RulesetCompiler.Compile(result.Configuration, new RulesetContext()));
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed + round} fails. Replay: REDOUBT_SEED={seed + round}\n{e}");
            }
        }
        Assert.True(accepted > 100, $"only {accepted} mutations were accepted: the compiler was hardly tried");
    }

    private static byte[] Mutate(string good, int[] cuts, Random random)
    {
        var text = new StringBuilder(good);
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var from = Math.Min(cuts[random.Next(cuts.Length)] + random.Next(2), text.Length);
            switch (random.Next(4))
            {
                case 0:
                    text.Insert(from, Scraps[random.Next(Scraps.Length)]);
                    break;
                case 1:
                    text.Remove(from, Math.Min(random.Next(40), text.Length - from));
                    break;
                case 2:
                    var end = text.ToString().IndexOf('<', Math.Min(from, text.Length - 1));
                    if (end > from)
                        text.Remove(from, end - from).Insert(from, Scraps[random.Next(Scraps.Length)]);
                    break;
                default:
                    var length = Math.Min(random.Next(200), text.Length - from);
                    text.Insert(random.Next(text.Length), text.ToString(from, length));
                    break;
            }
        }
        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        if (random.Next(4) == 0)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes;
    }
}
