namespace Redoubt.Core.Firewall;

/// <summary>
/// What a connection's mark (ct mark) says. The mark is replicated, so a peer that takes the connection over treats it the same way.
/// <code>
/// bit 31         not replicated to peers (nopfsync)
/// bit 30         passed by a port forward without a filter rule
/// bit 29         reflected: the source is translated where it leaves by the interface it came in by
/// bits 23 to 16  gateway or gateway group it leaves by; 0: as the routing table says
/// </code>
/// All other bits are left alone.
/// </summary>
public static class FlowMark
{
    /// <summary>The connection's state must not be sent to peers.</summary>
    public const uint NotReplicated = 0x8000_0000;

    /// <summary>A port forward passes the connection by itself.</summary>
    public const uint PassedByForward = 0x4000_0000;

    /// <summary>A port forward seen from the inside.</summary>
    public const uint Reflected = 0x2000_0000;

    /// <summary>The bits of the gateway; the same bits of a packet's mark choose the routing table.</summary>
    public const uint GatewayMask = 0x00ff_0000;

    /// <summary>Place of the gateway's number.</summary>
    public const int GatewayShift = 16;

    /// <summary>
    /// The bits of a packet's mark that routing rules look at: the gateway's and the eight above, which must be 0. The daemon's own frames have 0x5244 there.
    /// </summary>
    public const uint RoutingMask = 0xffff_0000;

    /// <summary>The bits of a packet's mark that hold the number of its tag.</summary>
    public const uint TagMask = 0x0000_00ff;
}
