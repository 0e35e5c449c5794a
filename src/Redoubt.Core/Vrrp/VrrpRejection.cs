namespace Redoubt.Core.Vrrp;

/// <summary>Why a VRRP packet did not reach a state machine. What is refused touches no timer.</summary>
public enum VrrpRejection
{
    /// <summary>Accepted.</summary>
    None,

    /// <summary>It is a CARP advertisement.</summary>
    Carp,

    /// <summary>Its length is not what version and address count ask for.</summary>
    BadLength,

    /// <summary>TTL or hop limit is not 255, so it came through a router.</summary>
    BadTtl,

    /// <summary>No virtual router of this id and family is here.</summary>
    UnknownVrid,

    /// <summary>By unicast from somebody who is no configured peer.</summary>
    UnknownPeer,

    /// <summary>Not the version spoken here.</summary>
    BadVersion,

    /// <summary>Not an advertisement.</summary>
    BadType,

    /// <summary>The checksum is wrong.</summary>
    BadChecksum,

    /// <summary>Version 2: another authentication type, or another password.</summary>
    BadAuthentication,

    /// <summary>Version 2: not our interval. Version 3: none at all.</summary>
    BadInterval,

    /// <summary>Our own advertisement came back.</summary>
    OwnLoopback,
}

/// <summary>Names of the rejections in the manner of BSD's statistics.</summary>
public static class VrrpRejectionText
{
    /// <summary>"vrrp-badttl" and so on, for counters and messages.</summary>
    public static string Text(VrrpRejection rejection) =>
        rejection switch
        {
            VrrpRejection.None => "vrrp-accepted",
            VrrpRejection.Carp => "vrrp-carp",
            VrrpRejection.BadLength => "vrrp-badlen",
            VrrpRejection.BadTtl => "vrrp-badttl",
            VrrpRejection.UnknownVrid => "vrrp-badvrid",
            VrrpRejection.UnknownPeer => "vrrp-badpeer",
            VrrpRejection.BadVersion => "vrrp-badver",
            VrrpRejection.BadType => "vrrp-badtype",
            VrrpRejection.BadChecksum => "vrrp-badsum",
            VrrpRejection.BadAuthentication => "vrrp-badauth",
            VrrpRejection.BadInterval => "vrrp-badinterval",
            VrrpRejection.OwnLoopback => "vrrp-ownloop",
            _ => "vrrp-unknown",
        };
}

/// <summary>Counts packets by outcome. Owned by the thread that owns the segment.</summary>
public sealed class VrrpCounters
{
    private readonly long[] _outcomes = new long[(int)VrrpRejection.OwnLoopback + 1];

    /// <summary>How many packets had this outcome; <see cref="VrrpRejection.None"/> counts the accepted ones.</summary>
    public long this[VrrpRejection outcome] => _outcomes[(int)outcome];

    /// <summary>Packets seen, whatever became of them.</summary>
    public long Received { get; private set; }

    /// <summary>Advertisements written to be sent.</summary>
    public long Sent { get; internal set; }

    internal void CountReceived(VrrpRejection outcome)
    {
        Received++;
        _outcomes[(int)outcome]++;
    }
}
