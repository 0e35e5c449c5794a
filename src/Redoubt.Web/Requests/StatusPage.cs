using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;
using Redoubt.Control;

namespace Redoubt.Web.Requests;

/// <summary>
/// <c>GET /</c>: health, virtual addresses and peers in plain HTML, without script. Who may see it is decided as for a call; on the loopback port everybody on this
/// machine may.
/// </summary>
internal sealed class StatusPage(NodeDaemon daemon, Logins logins, CallGate gate)
{
    /// <summary>Answers with the page.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (!await gate.EnterAsync(context.RequestAborted).ConfigureAwait(false))
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        try
        {
            if (context.Request.IsHttps && !await IsAllowedAsync(context).ConfigureAwait(false))
            {
                context.Response.Headers.WWWAuthenticate = "Basic realm=\"Redoubt\", charset=\"UTF-8\"";
                context.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }
            NodeStatus status;
            try
            {
                status = await daemon.StatusAsync(context.RequestAborted).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ControlException or DaemonRefusedException)
            {
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                await WriteAsync(context, "redoubt", "<p>The node's daemon does not answer.</p>").ConfigureAwait(false);
                return;
            }
            await WriteAsync(context, status.Node, Body(status)).ConfigureAwait(false);
        }
        finally
        {
            gate.Leave();
        }
    }

    private async Task<bool> IsAllowedAsync(HttpContext context)
    {
        var credentials = BasicCredentials.Read(context.Request.Headers.Authorization);
        if (credentials is null)
            return false;
        var source = context.Connection.RemoteIpAddress ?? IPAddress.None;
        return await logins.CheckAsync(credentials, source, XmlRpcEndpoint.Privilege, context.RequestAborted).ConfigureAwait(false)
            == LoginOutcome.Allowed;
    }

    private static string Body(NodeStatus status)
    {
        var html = new StringBuilder();
        html.Append($"<p>Health: <b>{Text(status.Health.ToString().ToLowerInvariant())}</b>, version {Text(status.Version)}</p>");
        Items(html, status.Reasons);
        html.Append("<h2>Virtual addresses</h2>");
        var carp = status.Carp;
        if (!carp.Enabled || carp.Maintenance)
            html.Append(carp.Enabled ? "<p>Maintenance mode</p>" : "<p>CARP is disabled</p>");
        Table(
            html,
            ["interface", "vhid", "state", "addresses", "master"],
            carp.Vips.Select(v =>
                (string[])[v.Interface, $"{v.Vhid}", $"{v.State}".ToUpperInvariant(), string.Join(' ', v.Addresses), v.Master ?? ""]
            )
        );
        html.Append("<h2>Peers</h2>");
        Table(
            html,
            ["states of", "alive", "in sync", "bulk", "tables"],
            status.StateSync.Peers.Select(p => (string[])[p.Address, p.Silence ?? YesNo(p.Alive), YesNo(p.InSync), p.Bulk, p.Tables ?? ""])
        );
        Table(
            html,
            ["configuration of", "in sync", "last push", "error"],
            status.ConfigSync.Peers.Select(p =>
                (string[])
                    [
                        p.Address,
                        YesNo(p.InSync),
                        p.LastPush?.ToString("u", System.Globalization.CultureInfo.InvariantCulture) ?? "",
                        p.Error ?? "",
                    ]
            )
        );
        return html.ToString();
    }

    private static string YesNo(bool value) => value ? "yes" : "no";

    private static void Items(StringBuilder html, IReadOnlyList<string> items)
    {
        if (items.Count == 0)
            return;
        html.Append("<ul>");
        foreach (var item in items)
            html.Append($"<li>{Text(item)}</li>");
        html.Append("</ul>");
    }

    private static void Table(StringBuilder html, string[] heads, IEnumerable<string[]> rows)
    {
        html.Append("<table><tr>");
        foreach (var head in heads)
            html.Append($"<th scope=\"col\">{Text(head)}</th>");
        html.Append("</tr>");
        foreach (var row in rows)
        {
            html.Append("<tr>");
            foreach (var cell in row)
                html.Append($"<td>{Text(cell)}</td>");
            html.Append("</tr>");
        }
        html.Append("</table>");
    }

    private static string Text(string text) => HtmlEncoder.Default.Encode(text);

    private static async Task WriteAsync(HttpContext context, string title, string body)
    {
        var page = Encoding.UTF8.GetBytes(
            $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{Text(title)}</title></head><body><h1>{Text(title)}</h1>{body}</body></html>\n"
        );
        var headers = context.Response.Headers;
        headers.ContentType = "text/html; charset=utf-8";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        context.Response.ContentLength = page.Length;
        await context.Response.Body.WriteAsync(page, context.RequestAborted).ConfigureAwait(false);
    }
}
