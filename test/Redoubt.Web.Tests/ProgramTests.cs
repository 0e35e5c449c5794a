using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;

namespace Redoubt.Web.Tests;

/// <summary>The program as it is started by systemd or by hand.</summary>
public sealed class ProgramTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-web-").FullName;
    private FakeDaemon _daemon = null!;

    public ValueTask InitializeAsync()
    {
        _daemon = new FakeDaemon(_directory);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _daemon.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static Process Start(params string[] arguments)
    {
        var program = Path.ChangeExtension(typeof(WebCommand).Assembly.Location, null);
        return Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
    }

    [Fact]
    public async Task It_says_where_it_serves_with_which_pin_and_stops_when_asked()
    {
        var state = Path.Combine(_directory, "state");
        using var process = Start("--control", _daemon.SocketPath, "--state", state, "--listen", "127.0.0.1:0");
        try
        {
            var line = await process.StandardError.ReadLineAsync(Deadline.Token) ?? "";
            var match = Regex.Match(line, "Serving on (https://127.0.0.1:[0-9]+); certificate SHA-256 ([0-9a-f]{64})$");
            Assert.True(match.Success, line);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(state));
            string? shown = null;
            using var client = new HttpClient(
                new SocketsHttpHandler
                {
                    SslOptions =
                    {
                        RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                            (shown = NodeCertificate.Pin(certificate!)).Length > 0,
                    },
                }
            );
            using var response = await client.GetAsync(new Uri(match.Groups[1].Value), Deadline.Token);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Equal(match.Groups[2].Value, shown);
            Assert.Equal(0, Kill(process.Id, 15));
            await process.WaitForExitAsync(Deadline.Token);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    [Fact]
    public async Task Bad_arguments_and_a_taken_port_end_it_with_their_own_codes()
    {
        using (var bad = Start("--listen", "nowhere"))
        {
            var text = await bad.StandardError.ReadToEndAsync(Deadline.Token);
            await bad.WaitForExitAsync(Deadline.Token);
            Assert.Equal(2, bad.ExitCode);
            Assert.Contains("usage: redoubt-web", text, StringComparison.Ordinal);
        }
        await using var node = await WebNode.StartAsync();
        using var taken = Start("--control", _daemon.SocketPath, "--state", _directory, "--listen", $"127.0.0.1:{node.Https.Port}");
        var error = await taken.StandardError.ReadToEndAsync(Deadline.Token);
        await taken.WaitForExitAsync(Deadline.Token);
        Assert.Equal(1, taken.ExitCode);
        Assert.StartsWith("redoubt-web: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_bodies_cost_no_more_memory_than_a_message_may_have()
    {
        const int Limit = 64 << 20;
        const int Slack = 16 << 20;
        using var process = Start(
            "--control",
            _daemon.SocketPath,
            "--state",
            _directory,
            "--listen",
            "127.0.0.1:0",
            "--insecure-loopback",
            "0"
        );
        try
        {
            Uri? url = null;
            while (url is null)
            {
                var line = await process.StandardError.ReadLineAsync(Deadline.Token);
                var match = Regex.Match(line!, "Serving on (http://127.0.0.1:[0-9]+);");
                url = match.Success ? new Uri(new Uri(match.Groups[1].Value), "/xmlrpc.php") : null;
            }
            _ = process.StandardError.ReadToEndAsync(Deadline.Token);
            using var client = new HttpClient { Timeout = Deadline.Limit };
            await PostAsync(client, url, Repository.Vector("requests/restore_config_section.full.xml"), packed: false);
            var before = Peak(process.Id);

            var values = "<methodCall><methodName>m</methodName><params><param><value><array><data>";
            var structs = "<methodCall><methodName>m</methodName><params><param><value><struct>";
            await PostAsync(client, url, Hostile.Bomb("<methodCall><methodName>", "x", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb("", " ", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb("<a ", "b", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb("<a ", "b='>' ", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb(values, "<value/>", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb(values, "<value><array><data>", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb(values, "<value><struct/></value>", 80), packed: true);
            await PostAsync(client, url, Hostile.Bomb(structs, "<member><name>a</name><value/></member>", 80), packed: true);
            await PostAsync(client, url, new byte[Limit + 1], packed: false);
            var grown = Peak(process.Id) - before;
            TestContext.Current.TestOutputHelper?.WriteLine($"peak {before >> 20} MiB, grown by {grown >> 20} MiB");
            Assert.True(grown <= Limit + Slack, $"grown by {grown >> 20} MiB");
            Assert.Equal(0, Kill(process.Id, 15));
            await process.WaitForExitAsync(Deadline.Token);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static async Task PostAsync(HttpClient client, Uri url, byte[] body, bool packed)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(WebNode.Good)));
        request.Headers.TransferEncodingChunked = !packed && body.Length > 1 << 20;
        if (packed)
            request.Content.Headers.ContentEncoding.Add("gzip");
        using var response = await client.SendAsync(request, Deadline.Token);
        await response.Content.CopyToAsync(Stream.Null, Deadline.Token);
    }

    // VmHWM: the most that the process ever had in memory.
    private static long Peak(int process)
    {
        var line = File.ReadLines($"/proc/{process}/status").Single(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(Regex.Match(line, "[0-9]+").Value, System.Globalization.CultureInfo.InvariantCulture) << 10;
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
