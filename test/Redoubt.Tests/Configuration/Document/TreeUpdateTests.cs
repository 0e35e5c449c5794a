using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Tests.Configuration.Document;

public sealed class TreeUpdateTests
{
    private const string Small = """
        <?xml version="1.0"?>
        <!-- of fw1 -->
        <pfsense>
        	<version>24.5</version>
        	<filter>
        		<rule><tracker>1</tracker><descr><![CDATA[one]]></descr></rule>
        		<!-- the second -->
        		<rule><tracker>2</tracker><descr>two &amp;amp; more</descr><log/></rule>
        		<rule><tracker>3</tracker></rule>
        		<!-- end -->
        	</filter>
        	<nat a="b>c" ><outbound><mode>automatic</mode></outbound></nat>
        	<empty></empty>
        </pfsense>

        """;

    // Pieces that make a file of another shape, or none.
    private static readonly string[] _pieces =
    [
        "<rule><tracker>9</tracker></rule>",
        "\n",
        "x",
        "<",
        ">",
        "</rule>",
        "<rule>",
        "<!-- c -->",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&",
        "&amp;",
        "\r",
        "ü",
        "😀",
        "<?xml version=\"1.0\"?>",
        "<?pi?>",
        "<a:b/>",
        "<log/>",
        "\0",
        " ",
        "\"",
    ];

    [Fact]
    public void What_did_not_change_is_the_same_object_and_what_changed_is_not()
    {
        var old = Read(Small);
        var made = Update(old, Small, Small.Replace("two", "deux", StringComparison.Ordinal));

        Assert.Same(old.Root.First("nat"), made.Root.First("nat"));
        Assert.Same(old.Root.Find("filter")!.Children[0], made.Root.Find("filter")!.Children[0]);
        Assert.NotSame(old.Root.Find("filter"), made.Root.Find("filter"));
        Assert.Equal("deux & more", made.Root.Find("filter")!.Children[1].Value("descr"));
    }

    [Theory]
    [InlineData("<log/>", "")]
    [InlineData("<tracker>3</tracker>", "<tracker>3</tracker>\n<log/>")]
    [InlineData("		<rule><tracker>3</tracker></rule>\n", "")]
    [InlineData("		<!-- the second -->\n", "		<rule><tracker>8</tracker></rule>\n		<!-- ü -->\n")]
    [InlineData("<!-- end -->", "<rule/>")]
    [InlineData("	</filter>", "	<rule/></filter>")]
    [InlineData("<mode>automatic</mode>", "<mode>automatic</mode><rule/>")]
    [InlineData("	<empty></empty>\n", "")]
    [InlineData("	<empty></empty>\n", "	<empty>full</empty>\n	<more/>\n")]
    public void A_change_reads_as_the_whole_file_does_and_further_down_every_line_is_right(string from, string to)
    {
        var old = Read(Small);
        var there = Small.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Small, there);

        var made = Update(old, Small, there);

        AssertIsAsRead(there, made);
        // And back again, by what was made of it.
        AssertIsAsRead(Small, Update(made, there, Small));
    }

    [Fact]
    public void Changes_in_several_places_leave_what_is_between_them()
    {
        var old = Read(Small);
        var there = Small.Replace("one", "a longer one", StringComparison.Ordinal).Replace("automatic", "hybrid", StringComparison.Ordinal);
        there = there.Replace("<tracker>3", "<log/>\n<tracker>4", StringComparison.Ordinal);

        var made = Update(old, Small, there);

        AssertIsAsRead(there, made);
        Assert.Same(old.Root.First("version"), made.Root.First("version"));
        Assert.Same(old.Root.Find("filter")!.Children[1], made.Root.Find("filter")!.Children[1]);
        AssertIsAsRead(Small, Update(made, there, Small));
    }

    [Theory]
    [InlineData("<rule><tracker>3</tracker></rule>", "<rule><tracker>3</tracker>")]
    [InlineData("<rule><tracker>3</tracker></rule>", "<?xml version=\"1.0\"?><rule/>")]
    [InlineData("<log/>", "<!--")]
    [InlineData("<log/>", "</rule><a></a>")]
    [InlineData("automatic", "automatic]]>")]
    [InlineData("</pfsense>", "</pfsense><pfsense/>")]
    public void What_is_no_file_is_refused_as_a_whole_file_is(string from, string to)
    {
        var there = Encoding.UTF8.GetBytes(Small.Replace(from, to, StringComparison.Ordinal));
        Assert.False(ConfigDocument.TryRead(there, out _, out var expected));

        Assert.False(ConfigDocument.TryRead(there, Read(Small), Encoding.UTF8.GetBytes(Small), out var made, out var refusal));

        Assert.Null(made);
        Assert.Equal(expected, refusal);
    }

    [Fact]
    public void The_limits_of_a_file_hold_for_an_update()
    {
        var deep = string.Concat(Enumerable.Repeat("<d>", ConfigurationLimits.Depth - 2));
        var ends = string.Concat(Enumerable.Repeat("</d>", ConfigurationLimits.Depth - 2));
        var just = $"<pfsense><a/>{deep}<e>1</e>{ends}</pfsense>";
        var old = Read(just);
        AssertIsAsRead(just.Replace('1', '2'), Update(old, just, just.Replace('1', '2')));
        var over = Encoding.UTF8.GetBytes(just.Replace("1", "<f/>", StringComparison.Ordinal));

        Assert.False(ConfigDocument.TryRead(over, old, Encoding.UTF8.GetBytes(just), out _, out var refusal));

        Assert.Contains("too deeply", refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_series_of_edits_reads_as_each_whole_file_does() =>
        Seeds.ForEach(
            400,
            seed =>
            {
                var random = new Random(seed);
                var text = seed % 3 == 0 ? "\uFEFF" + Small : Small;
                var bytes = Encoding.UTF8.GetBytes(text);
                Assert.True(ConfigDocument.TryRead(bytes, out var document, out _));
                for (var edit = 0; edit < 12; edit++)
                {
                    var at = random.Next(text.Length + 1);
                    var gone = random.Next(3) == 0 ? Math.Min(text.Length - at, random.Next(40)) : 0;
                    var piece = random.Next(4) == 0 ? Anything(random, text) : _pieces[random.Next(_pieces.Length)];
                    var next = text.Remove(at, gone).Insert(at, piece);
                    if (random.Next(2) == 0)
                        next = next.Insert(random.Next(next.Length + 1), _pieces[random.Next(_pieces.Length)]);
                    var nextBytes = Encoding.UTF8.GetBytes(next);
                    var isRead = ConfigDocument.TryRead(nextBytes, out var whole, out var expected);
                    Assert.Equal(isRead, ConfigDocument.TryRead(nextBytes, document!, bytes, out var made, out var refusal));
                    Assert.Equal(expected, refusal);
                    if (!isRead)
                        continue;
                    AssertSame(whole!.Root, made!.Root);
                    Assert.Equal(nextBytes, made.ToBytes());
                    (text, bytes, document) = (next, nextBytes, made);
                }
            }
        );

    private static string Anything(Random random, string text)
    {
        var at = random.Next(text.Length);
        return text.Substring(at, random.Next(Math.Min(120, text.Length - at)));
    }

    private static ConfigDocument Read(string text)
    {
        Assert.True(ConfigDocument.TryRead(Encoding.UTF8.GetBytes(text), out var document, out _));
        return document!;
    }

    private static ConfigDocument Update(ConfigDocument old, string text, string next)
    {
        var (a, b) = (Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetBytes(next));
        // Not what reading the whole file makes of it.
        var made = ConfigTreeUpdate.TryMake(old, a, b);
        Assert.NotNull(made);
        return made;
    }

    private static void AssertIsAsRead(string text, ConfigDocument made)
    {
        AssertSame(Read(text).Root, made.Root);
        Assert.Equal(text, made.ToString());
    }

    private static void AssertSame(ConfigNode a, ConfigNode b)
    {
        Assert.Equal((a.Name, a.Text, a.Line, a.Children.Length), (b.Name, b.Text, b.Line, b.Children.Length));
        for (var i = 0; i < a.Children.Length; i++)
            AssertSame(a.Children[i], b.Children[i]);
    }
}
