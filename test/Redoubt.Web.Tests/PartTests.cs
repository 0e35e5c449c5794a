using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Web.Push;

namespace Redoubt.Web.Tests;

public sealed class SourceBackoffTests
{
    private static readonly IPAddress _source = IPAddress.Parse("192.0.2.1");

    private static Instant At(double seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    [Fact]
    public void Three_tries_are_free_then_the_wait_doubles_up_to_five_minutes()
    {
        var backoff = new SourceBackoff(10);
        var waits = new List<double>();
        for (var i = 0; i < 14; i++)
        {
            backoff.Failed(_source, TimeSpan.Zero, At(0));
            waits.Add(backoff.Wait(_source, At(0)).TotalSeconds);
        }
        Assert.Equal([0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], waits);
        Assert.Equal(TimeSpan.FromSeconds(1), backoff.Wait(_source, At(299)));
        Assert.Equal(TimeSpan.Zero, backoff.Wait(_source, At(300)));
    }

    [Fact]
    public void Success_and_half_an_hour_of_peace_forget()
    {
        var backoff = new SourceBackoff(10);
        for (var i = 0; i < 6; i++)
            backoff.Failed(_source, TimeSpan.Zero, At(0));
        Assert.NotEqual(TimeSpan.Zero, backoff.Wait(_source, At(0)));
        backoff.Succeeded(_source);
        Assert.Equal(TimeSpan.Zero, backoff.Wait(_source, At(0)));
        for (var i = 0; i < 6; i++)
            backoff.Failed(_source, TimeSpan.Zero, At(0));
        backoff.Failed(_source, TimeSpan.Zero, At(1801));
        Assert.Equal(TimeSpan.Zero, backoff.Wait(_source, At(1801)));
    }

    [Fact]
    public void The_daemons_wait_holds_where_it_is_longer()
    {
        var backoff = new SourceBackoff(10);
        backoff.Failed(_source, TimeSpan.FromSeconds(20), At(0));
        Assert.Equal(TimeSpan.FromSeconds(20), backoff.Wait(_source, At(0)));
    }

    [Fact]
    public void Sources_are_told_apart_but_not_the_addresses_of_one_network()
    {
        var backoff = new SourceBackoff(10);
        backoff.Failed(IPAddress.Parse("2001:db8:1:2::3"), TimeSpan.FromSeconds(9), At(0));
        Assert.NotEqual(TimeSpan.Zero, backoff.Wait(IPAddress.Parse("2001:db8:1:2:ffff::9"), At(0)));
        Assert.Equal(TimeSpan.Zero, backoff.Wait(IPAddress.Parse("2001:db8:1:3::3"), At(0)));
        backoff.Failed(IPAddress.Parse("::ffff:192.0.2.1"), TimeSpan.FromSeconds(9), At(0));
        Assert.NotEqual(TimeSpan.Zero, backoff.Wait(_source, At(0)));
        Assert.Equal(TimeSpan.Zero, backoff.Wait(IPAddress.Parse("192.0.2.2"), At(0)));
    }

    [Fact]
    public void The_memory_is_bounded_and_loses_the_oldest()
    {
        var backoff = new SourceBackoff(2);
        foreach (var last in new[] { 1, 2, 1, 3 })
            backoff.Failed(IPAddress.Parse($"192.0.2.{last}"), TimeSpan.FromSeconds(9), At(0));
        Assert.Equal(TimeSpan.Zero, backoff.Wait(IPAddress.Parse("192.0.2.2"), At(0)));
        Assert.NotEqual(TimeSpan.Zero, backoff.Wait(IPAddress.Parse("192.0.2.1"), At(0)));
    }
}

public sealed class PushBacklogTests
{
    private static Instant At(double seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    private static PushWanted Wish(long id, params string[] areas) => new(id, false, areas, "");

    [Fact]
    public void Nothing_is_due_at_first()
    {
        var backlog = new PushBacklog();
        Assert.Equal(Instant.Never, backlog.Due);
        Assert.False(backlog.TryTake(At(0), out _));
    }

    [Fact]
    public void Wishes_that_come_while_a_push_runs_become_one()
    {
        var backlog = new PushBacklog();
        backlog.TryAdd(Wish(1, "rules"));
        Assert.True(backlog.TryTake(At(0), out var running));
        backlog.TryAdd(Wish(2, "rules"));
        backlog.TryAdd(Wish(3, "nat"));
        backlog.Ended();
        Assert.True(backlog.TryTake(At(0), out var next));
        Assert.Equal([1L], running!.Ids);
        Assert.Equal([2L, 3], next!.Ids);
        Assert.Equal(["rules", "nat"], next.Areas);
        Assert.False(backlog.TryTake(At(0), out _));
    }

    [Fact]
    public void All_areas_include_every_area()
    {
        var backlog = new PushBacklog();
        backlog.TryAdd(Wish(1, "rules"));
        backlog.TryAdd(Wish(2));
        backlog.TryAdd(Wish(3, "nat"));
        Assert.True(backlog.TryTake(At(0), out var due));
        Assert.Empty(due!.Areas);
    }

    [Fact]
    public void A_push_to_a_peer_that_is_away_stays_due_ever_less_often()
    {
        var backlog = new PushBacklog();
        backlog.TryAdd(Wish(1));
        var waits = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            var now = At(i * 100);
            Assert.True(backlog.TryTake(now, out var due));
            waits.Add(backlog.PutBack(due!, now).TotalSeconds);
            Assert.False(backlog.TryTake(now, out _));
            Assert.Equal(now + TimeSpan.FromSeconds(waits[^1]), backlog.Due);
        }
        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], waits);
    }

    [Fact]
    public void Success_begins_the_waits_anew()
    {
        var backlog = new PushBacklog();
        backlog.TryAdd(Wish(1));
        backlog.TryTake(At(0), out var due);
        backlog.PutBack(due!, At(0));
        backlog.TryTake(At(1), out _);
        backlog.Ended();
        backlog.TryAdd(Wish(2));
        backlog.TryTake(At(2), out due);
        Assert.Equal(TimeSpan.FromSeconds(1), backlog.PutBack(due!, At(2)));
    }

    [Fact]
    public void A_new_wish_ends_the_wait_and_takes_the_old_one_along()
    {
        var backlog = new PushBacklog();
        backlog.TryAdd(Wish(1, "rules"));
        backlog.TryTake(At(0), out var due);
        backlog.PutBack(due!, At(0));
        backlog.TryAdd(Wish(2, "nat"));
        Assert.True(backlog.TryTake(At(0), out due));
        Assert.Equal([1L, 2], due!.Ids);
        Assert.Equal(["rules", "nat"], due.Areas);
        // The same where it came while the failing push was on its way.
        backlog.TryAdd(Wish(3));
        Assert.Equal(TimeSpan.Zero, backlog.PutBack(due, At(0)));
        Assert.True(backlog.TryTake(At(0), out due));
        Assert.Equal([1L, 2, 3], due!.Ids);
    }

    [Fact]
    public void Dry_runs_stay_apart_and_are_bounded()
    {
        var backlog = new PushBacklog();
        for (var i = 0; i < 8; i++)
            Assert.True(backlog.TryAdd(new PushWanted(i, true, ["nat"], "")));
        Assert.False(backlog.TryAdd(new PushWanted(9, true, ["nat"], "")));
        backlog.TryAdd(Wish(10));
        for (var i = 0; i < 8; i++)
        {
            Assert.True(backlog.TryTake(At(0), out var due));
            Assert.Equal((true, i), (due!.DryRun, due.Ids.Single()));
        }
        Assert.True(backlog.TryTake(At(0), out var real));
        Assert.False(real!.DryRun);
    }

    [Fact]
    public void The_ids_of_a_long_absence_are_bounded()
    {
        var backlog = new PushBacklog();
        for (var i = 0; i < 1000; i++)
            backlog.TryAdd(Wish(i));
        backlog.TryTake(At(0), out var due);
        Assert.Equal(Enumerable.Range(936, 64).Select(i => (long)i), due!.Ids);
    }
}

public sealed class BasicCredentialsTests
{
    private static string Header(string text) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void User_and_password_part_at_the_first_colon()
    {
        var read = BasicCredentials.Read(Header("hasync:a:b ü"));
        Assert.Equal(("hasync", "a:b ü"), (read!.User, read.Password));
        Assert.Equal("***", read.ToString());
        Assert.Equal("", BasicCredentials.Read(Header("hasync:"))!.Password);
        Assert.Equal("ü", BasicCredentials.Read("basic " + Convert.ToBase64String([0x61, (byte)':', 0xFC]))!.Password);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Basic")]
    [InlineData("Basic !!!")]
    [InlineData("Bearer YTpi")]
    [InlineData("Basic YWI=")]
    [InlineData("Basic OmI=")]
    public void What_is_none_is_null(string? header) => Assert.Null(BasicCredentials.Read(header));

    [Fact]
    public void Long_ones_are_not_read() => Assert.Null(BasicCredentials.Read(Header("a:" + new string('x', 1000))));
}

public sealed class WebOptionsTests
{
    [Fact]
    public void Options_are_read()
    {
        var options = WebOptions.Read(
            [
                "--control",
                "/c",
                "--state",
                "/s",
                "--listen",
                "192.0.2.1:443",
                "--listen",
                "[::1]:8443",
                "--insecure-loopback",
                "8080",
                "--allow",
                "exec-shell",
            ],
            out _
        );
        Assert.Equal(("/c", "/s", 8080), (options!.Control, options.State, options.InsecureLoopback));
        Assert.Equal(["192.0.2.1:443", "[::1]:8443"], options.Listen.Select(l => l.ToString()));
        Assert.Equal((true, false), (options.AllowExecShell, options.AllowLegacyCalls));
    }

    [Theory]
    [InlineData("--listen", "443")]
    [InlineData("--listen", "192.0.2.1")]
    [InlineData("--listen", "fw:443")]
    [InlineData("--insecure-loopback", "70000")]
    [InlineData("--allow", "everything")]
    [InlineData("--help", "x")]
    [InlineData("--listen")]
    public void What_is_none_is_named(params string[] arguments)
    {
        Assert.Null(WebOptions.Read(arguments, out var problem));
        Assert.Contains(arguments[0], problem, StringComparison.Ordinal);
    }
}

public sealed class ConfigVersionsTests
{
    [Theory]
    [InlineData("24.5", "24.5", true)]
    [InlineData("24.5", "24.50", true)]
    [InlineData(" 24.5", "24.5", true)]
    [InlineData("24", "24.0", true)]
    [InlineData("24.5", "24.4", false)]
    [InlineData("24.5", "24.5a", false)]
    [InlineData("x", "x", true)]
    [InlineData("", "24.5", false)]
    public void Versions_are_compared_as_numbers_where_they_are(string a, string b, bool equal) =>
        Assert.Equal(equal, ConfigVersions.AreEqual(a, b));
}

public sealed class NodeCertificateTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-web-").FullName;

    private string FilePath => Path.Combine(_directory, "web.pem");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void It_is_made_once_and_kept_private()
    {
        using var first = NodeCertificate.LoadOrMake(_directory, "fw-a.example.net", DateTimeOffset.UtcNow);
        using var again = NodeCertificate.LoadOrMake(_directory, "other", DateTimeOffset.UtcNow);
        Assert.Equal(NodeCertificate.Pin(first), NodeCertificate.Pin(again));
        Assert.Equal("CN=fw-a.example.net", first.Subject);
        Assert.True(first.HasPrivateKey);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        Assert.Matches("^[0-9a-f]{64}$", NodeCertificate.Pin(first));
    }

    [Fact]
    public void A_key_that_others_may_read_is_not_used()
    {
        NodeCertificate.LoadOrMake(_directory, "fw", DateTimeOffset.UtcNow).Dispose();
        File.SetUnixFileMode(FilePath, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Throws<IOException>(() => NodeCertificate.LoadOrMake(_directory, "fw", DateTimeOffset.UtcNow));
    }

    [Fact]
    public void A_damaged_file_is_named_and_not_replaced()
    {
        NodeCertificate.LoadOrMake(_directory, "fw", DateTimeOffset.UtcNow).Dispose();
        File.WriteAllText(FilePath, "nonsense");
        var error = Assert.Throws<IOException>(() => NodeCertificate.LoadOrMake(_directory, "fw", DateTimeOffset.UtcNow));
        Assert.Contains("web.pem", error.Message, StringComparison.Ordinal);
        Assert.Equal("nonsense", File.ReadAllText(FilePath));
    }

    [Fact]
    public void A_draft_that_a_crash_left_is_no_obstacle()
    {
        File.WriteAllText(FilePath + ".new", "half");
        using var made = NodeCertificate.LoadOrMake(_directory, "fw; rm -rf", DateTimeOffset.UtcNow);
        Assert.Equal("CN=fwrm-rf", made.Subject);
        Assert.False(File.Exists(FilePath + ".new"));
    }
}
