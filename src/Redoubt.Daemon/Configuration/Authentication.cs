using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Events;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Checks passwords and privileges of product users. The answer and its time are the same for an unknown account, a wrong password and a disabled account. Failures
/// make the source wait, and the account a little (so that nobody can lock an administrator out for long). A password that was right a moment ago is not hashed again
/// (<see cref="RecentLogins"/>). Safe from every thread; hashes are computed by two at a time.
/// </summary>
internal sealed class Authentication(Func<Accounts> accounts, EventLog events, TimeProvider? clock = null) : IDisposable
{
    /// <summary>pfSense's fault for a wrong user or password.</summary>
    public const int BadPassword = -1;

    /// <summary>pfSense's fault for an account without the privilege.</summary>
    public const int NoPrivilege = -2;

    private const int HashesAtOnce = 2;
    private const string Refused = "Authentication failed: Invalid username or password";
    private static readonly TimeSpan _queue = TimeSpan.FromSeconds(5);
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _hashing = new(HashesAtOnce);
    private readonly RecentLogins _recent = new(clock ?? TimeProvider.System);
    private readonly LoginBackoff _sources = new(clock ?? TimeProvider.System, 3, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(60));
    private readonly LoginBackoff _names = new(clock ?? TimeProvider.System, 5, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(2));

    /// <summary>Answers <c>auth</c>.</summary>
    public ControlReply Check(AuthRequest request)
    {
        var source = Source(request.Address);
        TimeSpan wait;
        lock (_gate)
        {
            var (bySource, byName) = (_sources.Wait(source), _names.Wait(request.User));
            wait = bySource > byName ? bySource : byName;
        }
        if (wait > TimeSpan.Zero)
            return Later(wait, "too many failed attempts");
        var account = accounts().Find(request.User);
        var isUsable = account?.IsUsable(DateOnly.FromDateTime(_clock.GetLocalNow().DateTime)) == true;
        // A push is several calls within a second: the slow hash is for who guesses.
        var matches = isUsable && _recent.Knows(account!, request.Password);
        if (!matches)
        {
            if (!_hashing.Wait(_queue))
                return Later(TimeSpan.FromSeconds(1), "too many attempts at the same time");
            try
            {
                matches = PasswordHash.Matches(
                    request.Password,
                    account is { Hash.IsEmpty: false } ? account.Hash.Text : PasswordHash.Nobody
                );
            }
            finally
            {
                _hashing.Release();
            }
            if (matches && isUsable)
                _recent.Remember(account!, request.Password);
        }
        if (!matches || account is null || !isUsable)
        {
            lock (_gate)
            {
                var (bySource, byName) = (_sources.Failed(source), _names.Failed(request.User));
                wait = bySource > byName ? bySource : byName;
            }
            Tell($"log-in as {Quote(request.User)} from {request.Address} failed");
            return ControlReply.Error(Refused) with { FaultCode = BadPassword, RetryAfterMs = (int)wait.TotalMilliseconds };
        }
        lock (_gate)
        {
            _sources.Succeeded(source);
            _names.Succeeded(request.User);
        }
        if (request.Privilege is { } privilege && !account.Has(privilege))
        {
            Tell($"{Quote(request.User)} from {request.Address} lacks the privilege {privilege}");
            return ControlReply.Error("Authentication failed: not enough privileges") with { FaultCode = NoPrivilege };
        }
        return new ControlReply { Ok = true, Message = account.Name };
    }

    /// <inheritdoc/>
    public void Dispose() => _hashing.Dispose();

    private static ControlReply Later(TimeSpan wait, string why) =>
        ControlReply.Error($"{Refused} ({why})") with
        {
            FaultCode = BadPassword,
            RetryAfterMs = (int)Math.Ceiling(wait.TotalMilliseconds),
        };

    private void Tell(string message) => events.Add(EventKind.Config, message);

    private static string Quote(string user) => $"\"{(user.Length > 64 ? user[..64] : user)}\"";

    // One customer has a whole /64.
    private static string Source(string address) =>
        IPAddress.TryParse(address, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 && !ip.IsIPv4MappedToIPv6
            ? Convert.ToHexString(ip.GetAddressBytes().AsSpan(0, 8))
            : address.ToLower(CultureInfo.InvariantCulture);
}
