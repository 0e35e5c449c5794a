using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Redoubt.Control;

namespace Redoubt.Web.Push;

/// <summary>A push that can be carried out: the daemon's plan, with the peer's URL and the encoded call.</summary>
public sealed class PlannedPush
{
    // What would make another part of the URL of a host.
    private static readonly SearchValues<char> _noHost = SearchValues.Create("/@?#\\ ");

    private PlannedPush(PushPlan plan, Uri url, byte[]? call) => (Plan, Url, Call) = (plan, url, call);

    /// <summary>What the daemon says.</summary>
    public PushPlan Plan { get; }

    /// <summary>The peer's endpoint.</summary>
    public Uri Url { get; }

    /// <summary>The call of <c>restore_config_section</c>, encoded; null where there is none to make.</summary>
    public byte[]? Call { get; }

    /// <summary>Puts one together; false where the peer's address makes no URL.</summary>
    public static bool TryMake(PushPlan plan, byte[]? call, out PlannedPush? planned)
    {
        planned = null;
        var isIPv6 = IPAddress.TryParse(plan.Host, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;
        var host = isIPv6 ? $"[{plan.Host.Replace("%", "%25", StringComparison.Ordinal)}]" : plan.Host;
        if (
            plan.Scheme is not ("https" or "http")
            || plan.Port is < 1 or > 65535
            || plan.Host.AsSpan().ContainsAny(_noHost)
            || !Uri.TryCreate($"{plan.Scheme}://{host}:{plan.Port}/xmlrpc.php", UriKind.Absolute, out var url)
        )
            return false;
        planned = new PlannedPush(plan, url, call);
        return true;
    }
}

/// <summary>How a push ended.</summary>
public sealed record PushOutcome
{
    /// <summary>True when the peer has taken it, or told what would change.</summary>
    public required bool Ok { get; init; }

    /// <summary>Why not, or what is known to be wrong although the peer has taken it; null when all is well.</summary>
    public string? Error { get; init; }

    /// <summary>The peer could not be talked to; when it is back, this push is to be made again.</summary>
    public bool PeerAway { get; init; }

    /// <summary>Digests by area of what the peer has, read from it after the push; null where that could not be read, or differs.</summary>
    public IReadOnlyDictionary<string, string>? PeerDigests { get; init; }

    /// <summary>Our number of the change; 0 where nothing travelled.</summary>
    public long Generation { get; init; }

    /// <summary>The areas that travelled; empty where the peer had all of it.</summary>
    public IReadOnlyList<string> Areas { get; init; } = [];

    /// <summary>What a push would change; only of a dry run.</summary>
    public IReadOnlyList<string> Differences { get; init; } = [];

    /// <summary>A push that failed.</summary>
    public static PushOutcome Failed(string error, bool peerAway = false) =>
        new()
        {
            Ok = false,
            Error = error,
            PeerAway = peerAway,
        };
}
