using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Redoubt.Control;
using Redoubt.Core;

namespace Redoubt.Web.Requests;

/// <summary>How a login ended.</summary>
internal enum LoginOutcome : byte
{
    /// <summary>The account may.</summary>
    Allowed,

    /// <summary>No or wrong credentials, or too many tries.</summary>
    Refused,

    /// <summary>The password is right, the privilege is missing.</summary>
    NoPrivilege,

    /// <summary>The daemon could not be asked.</summary>
    Unknown,
}

/// <summary>Asks the daemon whether credentials are right, once for all requests that bring the same at the same time, and slows sources that guess.</summary>
internal sealed class Logins(NodeDaemon daemon, SourceBackoff backoff, Func<Instant> now, ILogger log)
{
    private readonly ConcurrentDictionary<string, Task<AuthAnswer>> _asked = [];
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Judges credentials of a source.</summary>
    public async Task<LoginOutcome> CheckAsync(BasicCredentials? credentials, IPAddress source, string privilege, CancellationToken cancel)
    {
        if (credentials is null)
        {
            log.LoginFailed("-", source.ToString(), "no credentials");
            return LoginOutcome.Refused;
        }
        var wait = backoff.Wait(source, now());
        if (wait > TimeSpan.Zero)
        {
            log.LoginFailed(WebLog.Clean(credentials.User), source.ToString(), $"too many tries, {wait.TotalSeconds:F0} s to wait");
            return LoginOutcome.Refused;
        }
        AuthAnswer answer;
        try
        {
            answer = await AskAsync(credentials, source, privilege).WaitAsync(cancel).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            log.DaemonSilent("auth", e.Message);
            return LoginOutcome.Unknown;
        }
        if (answer.Outcome == LoginOutcome.Allowed)
        {
            backoff.Succeeded(source);
            return LoginOutcome.Allowed;
        }
        if (answer.Outcome == LoginOutcome.Refused)
            backoff.Failed(source, answer.RetryAfter, now());
        log.LoginFailed(WebLog.Clean(credentials.User), source.ToString(), WebLog.Clean(answer.Message));
        return answer.Outcome;
    }

    // The key of a question is a keyed digest: passwords do not stay in a table. It is asked for all who wait, so nobody's leaving cancels it.
    private Task<AuthAnswer> AskAsync(BasicCredentials credentials, IPAddress source, string privilege)
    {
        var text = $"{credentials.User.Length}:{credentials.User}{credentials.Password.Length}:{credentials.Password}{source} {privilege}";
        var key = Convert.ToHexString(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(text)));
        var mine = new TaskCompletionSource<AuthAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = _asked.GetOrAdd(key, mine.Task);
        if (asked == mine.Task)
            _ = AnswerAsync(key, credentials, source, privilege, mine);
        return asked;
    }

    private async Task AnswerAsync(
        string key,
        BasicCredentials credentials,
        IPAddress source,
        string privilege,
        TaskCompletionSource<AuthAnswer> answer
    )
    {
        try
        {
            var given = await daemon.AuthenticateAsync(credentials, privilege, source, CancellationToken.None).ConfigureAwait(false);
            _asked.TryRemove(key, out _);
            answer.SetResult(given);
        }
        catch (ControlException e)
        {
            _asked.TryRemove(key, out _);
            answer.SetException(e);
        }
    }
}
