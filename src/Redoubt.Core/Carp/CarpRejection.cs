namespace Redoubt.Core.Carp;

/// <summary>
/// Why a packet of IP protocol 112 did not reach a state machine. One value for each check, in the order of the checks
/// (carp.md section 4, recommended order).
/// </summary>
public enum CarpRejection
{
    /// <summary>Accepted.</summary>
    None,

    /// <summary>It is a VRRP advertisement.</summary>
    Vrrp,

    /// <summary>Shorter than 36 bytes.</summary>
    BadLength,

    /// <summary>TTL or hop limit is not 255, so it came through a router.</summary>
    BadTtl,

    /// <summary>The checksum over the 36 bytes is wrong.</summary>
    BadChecksum,

    /// <summary>Not version 2.</summary>
    BadVersion,

    /// <summary>No virtual host with this id has addresses of this family here.</summary>
    UnknownVhid,

    /// <summary>The digest fits neither of the accepted forms: other key, other addresses, or forged.</summary>
    BadDigest,

    /// <summary>Our own advertisement came back.</summary>
    OwnLoopback,

    /// <summary>
    /// It bears the address of a Redoubt node whose heartbeat is silent, and a counter that this node has used before; or the cluster is strict, and no
    /// heartbeat stands behind it.
    /// </summary>
    Replayed,
}

/// <summary>Names of the rejections as BSD's statistics spell them.</summary>
public static class CarpRejectionText
{
    /// <summary>"badttl" and so on, for counters and messages.</summary>
    public static string Text(CarpRejection rejection) =>
        rejection switch
        {
            CarpRejection.None => "accepted",
            CarpRejection.Vrrp => "vrrp",
            CarpRejection.BadLength => "badlen",
            CarpRejection.BadTtl => "badttl",
            CarpRejection.BadChecksum => "badsum",
            CarpRejection.BadVersion => "badver",
            CarpRejection.UnknownVhid => "badvhid",
            CarpRejection.BadDigest => "badauth",
            CarpRejection.OwnLoopback => "ownloop",
            CarpRejection.Replayed => "replayed",
            _ => "unknown",
        };
}

/// <summary>Counts packets by outcome. Owned by the thread that owns the segment.</summary>
public sealed class CarpCounters
{
    private readonly long[] _outcomes = new long[(int)CarpRejection.Replayed + 1];

    /// <summary>How many packets had this outcome; <see cref="CarpRejection.None"/> counts the accepted ones.</summary>
    public long this[CarpRejection outcome] => _outcomes[(int)outcome];

    /// <summary>Packets seen, whatever became of them.</summary>
    public long Received { get; private set; }

    /// <summary>Of these, in IPv6.</summary>
    public long ReceivedIPv6 { get; private set; }

    /// <summary>Advertisements written to be sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Of these, in IPv6.</summary>
    public long SentIPv6 { get; private set; }

    /// <summary>VRRP packets that carry one of our ids.</summary>
    public long ForeignVrrpWithOurId { get; private set; }

    internal void CountReceived(CarpRejection outcome, bool ipv6, bool ourIdInVrrp)
    {
        Received++;
        if (ipv6)
            ReceivedIPv6++;
        if (ourIdInVrrp)
            ForeignVrrpWithOurId++;
        _outcomes[(int)outcome]++;
    }

    internal void CountSent(bool ipv6)
    {
        Sent++;
        if (ipv6)
            SentIPv6++;
    }
}
