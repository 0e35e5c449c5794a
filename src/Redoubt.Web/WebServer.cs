using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Redoubt.Core;
using Redoubt.Web.Requests;

namespace Redoubt.Web;

/// <summary>The HTTPS server: limits, routes and what they are answered with, composed here.</summary>
public sealed class WebServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly XmlRpcMethods _methods;
    private readonly CallGate _gate;
    private readonly CallBody _bodies;

    private WebServer(WebApplication application, XmlRpcMethods methods, CallGate gate, CallBody bodies) =>
        (_application, _methods, _gate, _bodies) = (application, methods, gate, bodies);

    /// <summary>Where it listens, as URLs.</summary>
    public IReadOnlyList<string> Addresses =>
        [.. _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];

    /// <summary>Ends when the process is told to stop.</summary>
    public Task Stopped => _application.WaitForShutdownAsync();

    /// <summary>Starts to listen. Throws <see cref="IOException"/> where an address is taken.</summary>
    public static async Task<WebServer> StartAsync(
        WebOptions options,
        NodeDaemon daemon,
        ServedCertificate certificate,
        ILoggerProvider logging
    )
    {
        var limits = options.Limits;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Logging.AddProvider(logging);
        builder.Logging.AddFilter("Microsoft", LogLevel.Error);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None); // what it says, the exception says as well
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options, certificate));
        var application = builder.Build();

        var log = application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("redoubt-web");
        var gate = new CallGate(limits);
        var bodies = new CallBody(limits);
        var logins = new Logins(daemon, new SourceBackoff(limits.RememberedSources), () => MonotonicClock.Now, log);
        var methods = new XmlRpcMethods(daemon, new SnippetAnswers(daemon), options, log);
        var calls = new XmlRpcEndpoint(logins, gate, bodies, methods, limits, log);
        var page = new StatusPage(daemon, logins, gate);

        // Routing without attributes and model binding: a path is one of three.
        application.Run(context =>
            (context.Request.Path.Value, context.Request.Method) switch
            {
                ("/xmlrpc.php" or "/xmlrpc", "POST") => calls.HandleAsync(context),
                ("/", "GET" or "HEAD") => page.HandleAsync(context),
                ("/xmlrpc.php" or "/xmlrpc", _) => Refuse(context, StatusCodes.Status405MethodNotAllowed, "POST"),
                ("/", _) => Refuse(context, StatusCodes.Status405MethodNotAllowed, "GET"),
                _ => Refuse(context, StatusCodes.Status404NotFound, null),
            }
        );
        var server = new WebServer(application, methods, gate, bodies);
        try
        {
            await application.StartAsync().ConfigureAwait(false);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        foreach (var address in server.Addresses)
            log.Serving(address, certificate.Pin);
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync().ConfigureAwait(false);
        _methods.Dispose();
        _gate.Dispose();
        _bodies.Dispose();
    }

    private static void Configure(KestrelServerOptions kestrel, WebOptions options, ServedCertificate certificate)
    {
        var limits = options.Limits;
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = limits.Connections;
        kestrel.Limits.RequestHeadersTimeout = limits.Headers;
        kestrel.Limits.KeepAliveTimeout = limits.Idle;
        kestrel.Limits.MaxRequestHeadersTotalSize = limits.HeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.MaxRequestLineSize = 4096;
        kestrel.Limits.MaxRequestBufferSize = 128 << 10;
        kestrel.Limits.MaxRequestBodySize = null; // CallBody counts, answers, and leaves it to Kestrel to read on for a few seconds
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(limits.BytesPerSecond, limits.RateGrace);
        var count = new ConnectionCount(limits);
        void Plain(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(count.Count);
        }
        void Secure(ListenOptions listen)
        {
            Plain(listen);
            listen.UseHttps(https =>
            {
                https.ServerCertificate = certificate.Own;
                https.OnAuthenticate = (_, tls) => tls.ServerCertificateContext = certificate.Context;
                https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
                https.HandshakeTimeout = limits.Handshake;
            });
        }
        foreach (var address in options.Listen)
            kestrel.Listen(address, Secure);
        // Sockets that systemd opened: a port below 1024 without a capability.
        kestrel.UseSystemd(Secure);
        if (options.InsecureLoopback is { } port)
            kestrel.Listen(IPAddress.Loopback, port, Plain);
    }

    private static Task Refuse(HttpContext context, int status, string? allowed)
    {
        context.Response.StatusCode = status;
        if (allowed is not null)
            context.Response.Headers.Allow = allowed;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }
}
