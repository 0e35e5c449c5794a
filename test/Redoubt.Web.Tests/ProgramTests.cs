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

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
