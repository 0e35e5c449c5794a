using Redoubt.Core.Configuration;

namespace Redoubt.Core.Heartbeat;

/// <summary>What a heartbeat may hold at most; together they fit one Ethernet frame.</summary>
public static class HeartbeatLimits
{
    /// <summary>The UDP port on which nodes hear each other.</summary>
    public const int Port = 7241;

    /// <summary>Nodes of a cluster.</summary>
    public const int Nodes = ConfigurationLimits.Nodes;

    /// <summary>Failover groups.</summary>
    public const int Groups = 48;

    /// <summary>Interfaces that carry vhids.</summary>
    public const int Segments = 64;

    /// <summary>Ways between nodes: segments and two sync links.</summary>
    public const int Paths = Segments + 2;

    /// <summary>Bytes of the longest message.</summary>
    public const int MaxLength =
        HeartbeatMessage.HeaderLength
        + ((Nodes - 1) * HeartbeatPeerEntry.Length)
        + (Groups * HeartbeatGroupEntry.Length)
        + (Segments * HeartbeatSegmentEntry.Length)
        + HeartbeatSeal.TagLength;
}
