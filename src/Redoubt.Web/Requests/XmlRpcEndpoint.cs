using System.Buffers;
using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Requests;

/// <summary>
/// <c>POST /xmlrpc.php</c>: login, turn, body, method, answer, one line of audit. Credentials are judged before a byte of the body is read. Every answer of
/// XML-RPC is HTTP 200, faults included, as pfSense's client wants it.
/// </summary>
internal sealed class XmlRpcEndpoint(Logins logins, CallGate gate, CallBody bodies, XmlRpcMethods methods, WebLimits limits, ILogger log)
{
    /// <summary>The privilege that pfSense asks for.</summary>
    public const string Privilege = "system-xmlrpc-ha-sync";

    /// <summary>Handles a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var audit = new CallAudit(log, context.Connection.RemoteIpAddress ?? IPAddress.None);
        try
        {
            var response = await AnswerAsync(context, audit).ConfigureAwait(false);
            if (response is not null)
                await WriteAsync(context, response).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            audit.Result = "the caller hung up";
        }
        catch (BadHttpRequestException e)
        {
            // Kestrel's word for a body that is too slow, too large or cut off; it closes the connection.
            audit.Result = WebLog.Clean(e.Message);
            throw;
        }
        finally
        {
            audit.Write();
        }
    }

    private async Task<XmlRpcResponse?> AnswerAsync(HttpContext context, CallAudit audit)
    {
        var credentials = BasicCredentials.Read(context.Request.Headers.Authorization);
        audit.User = credentials?.User ?? "";
        if (!await gate.EnterAsync(context.RequestAborted).ConfigureAwait(false))
            return Unavailable(context, audit, "too many calls wait");
        try
        {
            var login = await logins.CheckAsync(credentials, audit.Address, Privilege, context.RequestAborted).ConfigureAwait(false);
            if (login != LoginOutcome.Allowed)
            {
                // What else comes on this connection would be judged again; a stranger gets one guess for each.
                context.Response.Headers.Connection = "close";
                return audit.Fault(
                    login switch
                    {
                        LoginOutcome.NoPrivilege => XmlRpcFault.NoPrivilege,
                        LoginOutcome.Unknown => XmlRpcFault.Refused("the node's daemon does not answer"),
                        _ => XmlRpcFault.BadPassword,
                    }
                );
            }
            if (!LoopHeaders.TryRead(context.Request.Headers, out var origin, out var path, out var generation))
                return audit.Fault(XmlRpcFault.Refused("the headers that name the push's origin are malformed"));
            audit.Origin = origin;
            return await CallAsync(context, audit, new Caller(audit.User, audit.Address, origin, path, generation)).ConfigureAwait(false);
        }
        finally
        {
            gate.Leave();
        }
    }

    private async Task<XmlRpcResponse?> CallAsync(HttpContext context, CallAudit audit, Caller caller)
    {
        if (context.Request.ContentLength > limits.Message.Bytes)
            return Close(context, audit, StatusCodes.Status413PayloadTooLarge, "the body is larger than allowed");
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        timer.CancelAfter(limits.Body);
        try
        {
            var (outcome, call, refusal, bytes, hold) = await bodies
                .ReadAsync(context.Request.Body, context.Request.Headers.ContentEncoding, timer.Token)
                .ConfigureAwait(false);
            using var held = hold;
            audit.Bytes = bytes;
            switch (outcome)
            {
                case BodyOutcome.Read:
                    audit.Call(call!);
                    break;
                case BodyOutcome.Refused:
                    return audit.Fault(XmlRpcFault.Unparsable, refusal.ToString());
                case BodyOutcome.TooLarge:
                    return Close(context, audit, StatusCodes.Status413PayloadTooLarge, "the body is larger than allowed");
                case BodyOutcome.BadEncoding:
                    return Close(
                        context,
                        audit,
                        StatusCodes.Status415UnsupportedMediaType,
                        "the body is packed in a way that is not taken"
                    );
                default:
                    return Unavailable(context, audit, "large calls wait");
            }
            timer.CancelAfter(Timeout.InfiniteTimeSpan);
            var response = await methods.InvokeAsync(call!, caller with { Bytes = bytes }, context.RequestAborted).ConfigureAwait(false);
            audit.Result = response.Fault is { } fault ? $"fault {fault.Code} {WebLog.Clean(fault.Text)}" : "ok";
            return response;
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            return Close(context, audit, StatusCodes.Status408RequestTimeout, "the body did not come in time");
        }
    }

    private static XmlRpcResponse? Unavailable(HttpContext context, CallAudit audit, string why)
    {
        context.Response.Headers.RetryAfter = "5";
        return Close(context, audit, StatusCodes.Status503ServiceUnavailable, why);
    }

    private static XmlRpcResponse? Close(HttpContext context, CallAudit audit, int status, string why)
    {
        audit.Result = why;
        context.Response.StatusCode = status;
        context.Response.Headers.Connection = "close";
        return null;
    }

    private async Task WriteAsync(HttpContext context, XmlRpcResponse response)
    {
        var output = new ArrayBufferWriter<byte>(512);
        if (response.Fault is { } fault)
        {
            XmlRpcWriter.WriteFault(output, fault);
        }
        else if (XmlRpcWriter.WriteResponse(output, response.Value!) is { IsNone: false } refusal)
        {
            output.ResetWrittenCount();
            XmlRpcWriter.WriteFault(output, XmlRpcFault.Refused($"the answer cannot be sent: {refusal}"));
        }
        context.Response.ContentType = "text/xml; charset=utf-8";
        context.Response.ContentLength = output.WrittenCount;
        await context.Response.Body.WriteAsync(output.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
    }
}

/// <summary>Collects what the line of audit says, and writes it once.</summary>
internal sealed class CallAudit(ILogger log, IPAddress address)
{
    private const int MostSections = 32;
    private readonly long _began = Stopwatch.GetTimestamp();
    private string _method = "-";
    private string _sections = "-";

    public IPAddress Address => address;

    public string User { get; set; } = "";

    public string Result { get; set; } = "failed";

    public string? Origin { get; set; }

    public long Bytes { get; set; }

    /// <summary>Notes the method, and the names of the sections it is about.</summary>
    public void Call(XmlRpcCall call)
    {
        _method = WebLog.Clean(call.Method);
        var names = call.Parameters.OfType<XmlRpcStruct>().FirstOrDefault()?.Members.Select(m => m.Name);
        if (names is not null)
            _sections = WebLog.Clean(string.Join(',', names.Take(MostSections)));
    }

    /// <summary>Notes and returns a fault.</summary>
    public XmlRpcResponse Fault(XmlRpcFault fault, string? detail = null)
    {
        Result = $"fault {fault.Code} {WebLog.Clean(detail ?? fault.Text)}";
        return new XmlRpcResponse(fault);
    }

    public void Write() =>
        log.Called(
            _method,
            WebLog.Clean(User),
            address.ToString(),
            Result,
            (long)Stopwatch.GetElapsedTime(_began).TotalMilliseconds,
            _sections,
            Origin ?? "-",
            Bytes
        );
}
