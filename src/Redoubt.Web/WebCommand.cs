using System.Net.Sockets;
using System.Security.Cryptography;
using Redoubt.Web.Push;

namespace Redoubt.Web;

/// <summary>The command redoubt-web. Exit 0 after a clean stop, 1 where the host refuses, 2 on bad arguments.</summary>
public static class WebCommand
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int BadArguments = 2;

    /// <summary>Runs until a signal ends it.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (WebOptions.Read(arguments, out var problem) is not { } options)
        {
            Console.Error.WriteLine($"redoubt-web: {problem}\n{WebOptions.Usage}");
            return BadArguments;
        }
        Niceness.Lower();
        try
        {
            Directory.CreateDirectory(options.State, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var certificate = NodeCertificate.LoadOrMake(options.State, Environment.MachineName, DateTimeOffset.UtcNow);
            using var logging = new LineLogging(Console.Error);
            var daemon = new NodeDaemon(options.Control, options.Limits);
            var served = new ServedCertificate(certificate);
            var certificates = new CertificateLoop(daemon, served, logging.CreateLogger("redoubt-web"));
            await certificates.LookAsync(CancellationToken.None).ConfigureAwait(false);
            var server = await WebServer.StartAsync(options, daemon, served, logging).ConfigureAwait(false);
            await using (server.ConfigureAwait(false))
            {
                using var stop = new CancellationTokenSource();
                using var pushes = new PushLoop(daemon, certificate, logging.CreateLogger("redoubt-web"));
                var pushing = pushes.RunAsync(stop.Token);
                var looking = certificates.RunAsync(stop.Token);
                await Task.WhenAny(server.Stopped, pushing, looking).ConfigureAwait(false);
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(pushing, looking).ConfigureAwait(false);
            }
            return Done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException or CryptographicException)
        {
            Console.Error.WriteLine($"redoubt-web: {e.Message}");
            return Failed;
        }
    }
}
