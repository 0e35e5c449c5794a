using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Requests;

namespace Redoubt.Web.Push;

/// <summary>Why a call to the peer brought no value.</summary>
public enum PeerFailure : byte
{
    /// <summary>It did.</summary>
    None,

    /// <summary>No connection, no answer in time, or an answer that is not XML-RPC: another try may help.</summary>
    Communication,

    /// <summary>The certificate is not the pinned one, or not a trusted one.</summary>
    Certificate,

    /// <summary>The peer does not let the account in.</summary>
    Login,

    /// <summary>The peer answered with a fault.</summary>
    Fault,
}

/// <summary>A peer's answer.</summary>
/// <param name="Value">The value; null where there is a failure.</param>
/// <param name="Failure">Why there is none.</param>
/// <param name="Error">The same for people.</param>
/// <param name="Fault">The fault, for <see cref="PeerFailure.Fault"/> and <see cref="PeerFailure.Login"/>.</param>
public sealed record PeerAnswer(XmlRpcValue? Value, PeerFailure Failure, string Error = "", XmlRpcFault? Fault = null);

/// <summary>Calls a peer. Its certificate is the pinned one, or one that this machine trusts for that name; nothing else is spoken to.</summary>
public sealed class PeerClient : IDisposable
{
    private static readonly TimeSpan _connect = TimeSpan.FromSeconds(5);
    private readonly PlannedPush _push;
    private readonly HttpClient _http;
    private readonly XmlRpcLimits _limits;
    private string? _certificateError;

    /// <summary>A client for one push. <paramref name="own"/> is this node's certificate, shown to a peer that asks for one.</summary>
    public PeerClient(PlannedPush push, XmlRpcLimits limits, X509Certificate2? own = null)
    {
        (_push, _limits) = (push, limits);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            Credentials = null,
            PreAuthenticate = false,
            ConnectTimeout = _connect,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 16,
            ResponseDrainTimeout = _connect,
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsTrusted(certificate, errors);
        if (own is not null)
            handler.SslOptions.ClientCertificates = [own];
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Calls a method.</summary>
    public Task<PeerAnswer> CallAsync(string method, TimeSpan limit, CancellationToken cancel, params ReadOnlySpan<XmlRpcValue> parameters)
    {
        var output = new ArrayBufferWriter<byte>();
        return XmlRpcWriter.WriteCall(output, method, parameters) is { IsNone: false } refusal
            ? Task.FromResult(new PeerAnswer(null, PeerFailure.Fault, $"{method} cannot be written: {refusal}"))
            : SendAsync(method, output.WrittenMemory, limit, cancel);
    }

    /// <summary>Sends a call that is encoded already. <paramref name="plan"/> says where the change comes from, if it is not the one that this client was made for.</summary>
    public async Task<PeerAnswer> SendAsync(
        string method,
        ReadOnlyMemory<byte> call,
        TimeSpan limit,
        CancellationToken cancel,
        PushPlan? plan = null
    )
    {
        plan ??= _push.Plan;
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(limit);
        using var request = new HttpRequestMessage(HttpMethod.Post, _push.Url) { Content = new ReadOnlyMemoryContent(call) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml", "utf-8");
        var credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{_push.Plan.User}:{_push.Plan.Password}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", credentials);
        request.Headers.Add(LoopHeaders.Origin, plan.Origin);
        request.Headers.Add(LoopHeaders.Path, string.Join(',', plan.Path));
        request.Headers.Add(LoopHeaders.Generation, plan.Generation.ToString(CultureInfo.InvariantCulture));
        try
        {
            using var response = await _http
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timer.Token)
                .ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                return Lost(method, $"HTTP status {(int)response.StatusCode}");
            var body = await ReadAsync(response.Content, timer.Token).ConfigureAwait(false);
            return body is null ? Lost(method, "the answer is larger than allowed") : Read(method, body.Value);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return Lost(method, "no answer in time");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return _certificateError is { } refused
                ? new PeerAnswer(null, PeerFailure.Certificate, $"{Name}: {refused}")
                : Lost(method, Why(e));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private string Name => _push.Url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpContent content, CancellationToken cancel)
    {
        var output = new ArrayBufferWriter<byte>(4096);
        using var stream = await content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        while (true)
        {
            var read = await stream.ReadAsync(output.GetMemory(4096), cancel).ConfigureAwait(false);
            if (read == 0)
                return output.WrittenMemory;
            output.Advance(read);
            if (output.WrittenCount > _limits.Bytes)
                return null;
        }
    }

    private PeerAnswer Read(string method, ReadOnlyMemory<byte> body)
    {
        if (!XmlRpcReader.TryReadResponse(body.Span, _limits, out var response, out var refusal))
            return Lost(method, $"the answer is not XML-RPC ({refusal})");
        if (response!.Fault is { } fault)
        {
            if (fault.Code == XmlRpcFault.BadPassword.Code || fault.Code == XmlRpcFault.NoPrivilege.Code)
                return Locked(method, fault);
            return new PeerAnswer(
                null,
                PeerFailure.Fault,
                $"Exception calling XMLRPC method {method} #{fault.Code} : {WebLog.Clean(fault.Text)}",
                fault
            );
        }
        // pfSense up to 2.3, and OPNsense, say it with a text.
        if (response.Value is XmlRpcString { Value: "Authentication failed" })
            return Locked(method, XmlRpcFault.BadPassword);
        return new PeerAnswer(response.Value, PeerFailure.None);
    }

    private PeerAnswer Locked(string method, XmlRpcFault fault) =>
        new(
            null,
            PeerFailure.Login,
            $"An authentication failure occurred while trying to access {Name} ({method}): {WebLog.Clean(fault.Text)}",
            fault
        );

    private PeerAnswer Lost(string method, string why) =>
        new(
            null,
            PeerFailure.Communication,
            $"A communications error occurred while attempting to call XMLRPC method {method} of {Name}: {why}"
        );

    private static string Why(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return WebLog.Clean(e.Message);
    }

    private bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (certificate is null)
            _certificateError = "the peer shows no certificate";
        else if (_push.Plan.Pin is not { Length: > 0 } pin)
            _certificateError =
                errors == SslPolicyErrors.None
                    ? null
                    : $"the certificate is not trusted here ({errors}) and none is pinned; its SHA-256 is {NodeCertificate.Pin(certificate)}";
        else
        {
            var shown = NodeCertificate.Pin(certificate);
            var wanted = pin.Replace(":", "", StringComparison.Ordinal).ToLowerInvariant();
            _certificateError = CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(shown), Encoding.ASCII.GetBytes(wanted))
                ? null
                : $"the certificate is not the pinned one: pinned is SHA-256 {WebLog.Clean(wanted)}, shown is {shown}";
        }
        return _certificateError is null;
    }
}
