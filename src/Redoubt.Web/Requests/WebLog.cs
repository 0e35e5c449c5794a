using Microsoft.Extensions.Logging;

namespace Redoubt.Web.Requests;

/// <summary>What is logged; names and numbers stay.</summary>
internal static partial class WebLog
{
    [LoggerMessage(
        201,
        LogLevel.Information,
        "XML-RPC {Method} by {User} from {Address}: {Result} in {Milliseconds} ms; sections {Sections}; origin {Origin}; {Bytes} bytes"
    )]
    public static partial void Called(
        this ILogger log,
        string method,
        string user,
        string address,
        string result,
        long milliseconds,
        string sections,
        string origin,
        long bytes
    );

    [LoggerMessage(202, LogLevel.Warning, "XML-RPC login of {User} from {Address} failed: {Reason}")]
    public static partial void LoginFailed(this ILogger log, string user, string address, string reason);

    [LoggerMessage(203, LogLevel.Warning, "The daemon did not answer {Verb}: {Reason}")]
    public static partial void DaemonSilent(this ILogger log, string verb, string reason);

    [LoggerMessage(204, LogLevel.Information, "Serving on {Address}; certificate SHA-256 {Pin}")]
    public static partial void Serving(this ILogger log, string address, string pin);

    [LoggerMessage(205, LogLevel.Information, "Serving another certificate; SHA-256 {Pin}")]
    public static partial void CertificateChanged(this ILogger log, string pin);

    [LoggerMessage(206, LogLevel.Warning, "The configured certificate {Pin} cannot be used; the former one stays")]
    public static partial void CertificateUnusable(this ILogger log, string pin);

    [LoggerMessage(211, LogLevel.Information, "Push {Id} to {Peer}: {Result} in {Seconds} s; areas {Areas}")]
    public static partial void Pushed(this ILogger log, long id, string peer, string result, double seconds, string areas);

    [LoggerMessage(212, LogLevel.Warning, "Push {Id} to {Peer}: {Error}; next try in {Seconds} s")]
    public static partial void PushWaits(this ILogger log, long id, string peer, string error, double seconds);

    [LoggerMessage(213, LogLevel.Information, "Push {Id}: try {Attempt} of {Method} failed: {Error}")]
    public static partial void Retrying(this ILogger log, long id, int attempt, string method, string error);

    [LoggerMessage(214, LogLevel.Information, "Push {Id}: XMLRPC versioncheck: {Theirs} -- {Ours}")]
    public static partial void VersionCheck(this ILogger log, long id, string theirs, string ours);

    [LoggerMessage(215, LogLevel.Warning, "Waiting for the daemon to say what to push: {Reason}")]
    public static partial void FollowLost(this ILogger log, string reason);

    /// <summary>A text of a stranger's for one line of a log: bounded, nothing that moves the cursor.</summary>
    public static string Clean(string? text)
    {
        const int Most = 128;
        if (string.IsNullOrEmpty(text))
            return "-";
        var cut = text.Length > Most ? text[..Most] + "…" : text;
        return string.Concat(cut.Select(c => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' ? '?' : c));
    }
}
