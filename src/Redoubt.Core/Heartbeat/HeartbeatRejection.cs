namespace Redoubt.Core.Heartbeat;

/// <summary>Why a heartbeat was refused. One counter each.</summary>
public enum HeartbeatRejection : byte
{
    /// <summary>It was accepted.</summary>
    None,

    /// <summary>Shorter than its header, or its counts do not give its length.</summary>
    BadLength,

    /// <summary>Another protocol, or a version that is not spoken here.</summary>
    BadVersion,

    /// <summary>A count or value beyond its limit.</summary>
    BadContent,

    /// <summary>The tag is wrong: another cluster's secret, or a forgery.</summary>
    BadTag,

    /// <summary>It belongs to another path than the one it came by.</summary>
    WrongPath,

    /// <summary>A node that is not in the configuration.</summary>
    UnknownNode,

    /// <summary>Our own message, sent back by the network.</summary>
    Own,

    /// <summary>Our node id, but not our message: two nodes have the same id.</summary>
    DuplicateNode,

    /// <summary>Heard before, or older than what was heard.</summary>
    Replayed,

    /// <summary>A new boot of a peer that does not echo our present challenge: it has not heard us yet, or it is an old recording.</summary>
    NotChallenged,
}

/// <summary>Rejections in words, as counters name them.</summary>
public static class HeartbeatRejectionText
{
    /// <summary>The counter's name.</summary>
    public static string Text(HeartbeatRejection rejection) =>
        rejection switch
        {
            HeartbeatRejection.None => "accepted",
            HeartbeatRejection.BadLength => "badLength",
            HeartbeatRejection.BadVersion => "badVersion",
            HeartbeatRejection.BadContent => "badContent",
            HeartbeatRejection.BadTag => "badTag",
            HeartbeatRejection.WrongPath => "wrongPath",
            HeartbeatRejection.UnknownNode => "unknownNode",
            HeartbeatRejection.Own => "own",
            HeartbeatRejection.DuplicateNode => "duplicateNode",
            HeartbeatRejection.Replayed => "replayed",
            HeartbeatRejection.NotChallenged => "notChallenged",
            _ => "unknown",
        };
}
