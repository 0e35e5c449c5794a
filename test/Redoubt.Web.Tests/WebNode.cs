using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

/// <summary>The real server on free ports of loopback, with a fake daemon behind it.</summary>
internal sealed class WebNode : IAsyncDisposable
{
    public const string Good = "hasync:ha sync+p@ss/1";
    private readonly string _directory;
    private readonly X509Certificate2 _certificate;
    private readonly WebServer _server;
    private readonly LogLines _log = new();

    private WebNode(string directory, FakeDaemon daemon, X509Certificate2 certificate, WebServer server, LogLines log)
    {
        (_directory, Daemon, _certificate, _server, _log) = (directory, daemon, certificate, server, log);
        Https = new Uri(server.Addresses.Single(a => a.StartsWith("https:", StringComparison.Ordinal)));
        Http = new Uri(server.Addresses.Single(a => a.StartsWith("http:", StringComparison.Ordinal)));
        Client = NewClient();
    }

    public FakeDaemon Daemon { get; }

    public Uri Https { get; }

    public Uri Http { get; }

    public HttpClient Client { get; }

    /// <summary>The certificate with its key, as the node keeps it.</summary>
    public string CertificatePath => Path.Combine(_directory, "web.pem");

    public string Pin => NodeCertificate.Pin(_certificate);

    public required ServedCertificate Served { get; init; }

    public IReadOnlyList<string> Log => _log.All;

    public static async Task<WebNode> StartAsync(WebLimits? limits = null, Func<WebOptions, WebOptions>? change = null)
    {
        var directory = Directory.CreateTempSubdirectory("redoubt-web-").FullName;
        var daemon = new FakeDaemon(directory);
        var options = new WebOptions
        {
            Control = daemon.SocketPath,
            State = directory,
            Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
            InsecureLoopback = 0,
            Limits = limits ?? new WebLimits(),
        };
        options = change?.Invoke(options) ?? options;
        var certificate = NodeCertificate.LoadOrMake(directory, "fw-b", DateTimeOffset.UtcNow);
        var served = new ServedCertificate(certificate);
        var log = new LogLines();
        var server = await WebServer.StartAsync(options, new NodeDaemon(daemon.SocketPath, options.Limits), served, new LineLogging(log));
        return new WebNode(directory, daemon, certificate, server, log) { Served = served };
    }

    public HttpClient NewClient() =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                MaxConnectionsPerServer = 400,
                SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => NodeCertificate.Pin(certificate!) == Pin },
            }
        )
        {
            BaseAddress = Https,
            Timeout = Deadline.Limit,
        };

    public async Task<HttpResponseMessage> PostAsync(byte[] body, string? credentials = Good, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/xmlrpc.php") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml");
        if (credentials is not null)
            request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        change?.Invoke(request);
        return await Client.SendAsync(request, Deadline.Token);
    }

    /// <summary>Posts, and reads what is then always an answer of XML-RPC.</summary>
    public async Task<XmlRpcResponse> CallAsync(byte[] body, string? credentials = Good, Action<HttpRequestMessage>? change = null)
    {
        using var response = await PostAsync(body, credentials, change);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/xml; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        var bytes = await response.Content.ReadAsByteArrayAsync(Deadline.Token);
        Assert.Equal(bytes.Length, response.Content.Headers.ContentLength);
        Assert.True(XmlRpcReader.TryReadResponse(bytes, XmlRpcLimits.Default, out var read, out var refusal), refusal.ToString());
        return read!;
    }

    public Task<XmlRpcResponse> CallAsync(string method, params XmlRpcValue[] parameters) => CallAsync(Encode(method, parameters));

    public static byte[] Encode(string method, params XmlRpcValue[] parameters)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        Assert.True(XmlRpcWriter.WriteCall(output, method, parameters).IsNone);
        return output.WrittenSpan.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        await Daemon.DisposeAsync();
        _certificate.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}

/// <summary>Collects lines; read while it is written.</summary>
internal sealed class LogLines : StringWriter
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> All
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    public override void WriteLine(string? value)
    {
        lock (_lines)
            _lines.Add(value ?? "");
    }
}
