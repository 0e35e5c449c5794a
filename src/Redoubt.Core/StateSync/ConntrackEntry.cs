namespace Redoubt.Core.StateSync;

/// <summary>
/// What the kernel tells of one tracked connection (ctnetlink), or what we want it to hold. A value: copied, never shared.
/// The same type leaves the kernel's events and dumps, travels in the sync messages and enters the peer's kernel.
/// </summary>
public struct ConntrackEntry
{
    /// <summary>Tuple of the first packet's direction.</summary>
    public ConntrackTuple Original { get; set; }

    /// <summary>Tuple that answers carry; differs from the mirrored original where the flow is translated.</summary>
    public ConntrackTuple Reply { get; set; }

    /// <summary>CTA_STATUS bits (IPS_*), as the kernel numbers them.</summary>
    public uint Status { get; set; }

    /// <summary>Seconds until the entry expires.</summary>
    public uint TimeoutSeconds { get; set; }

    /// <summary>Connection mark.</summary>
    public uint Mark { get; set; }

    /// <summary>CTA_ID: the kernel's own short-lived number of the entry on this machine; 0 when not known. Never travels.</summary>
    public uint KernelId { get; set; }

    /// <summary>True where the TCP fields below were present.</summary>
    public bool HasTcp { get; set; }

    /// <summary>TCP tracker state (enum tcp_conntrack: 1 SYN_SENT ... 3 ESTABLISHED ... 9 SYN_SENT2).</summary>
    public byte TcpState { get; set; }

    /// <summary>TCP flags of the original direction (IP_CT_TCP_FLAG_*).</summary>
    public byte TcpFlagsOriginal { get; set; }

    /// <summary>TCP flags of the reply direction (IP_CT_TCP_FLAG_*).</summary>
    public byte TcpFlagsReply { get; set; }

    /// <summary>Window scale shift of the original direction.</summary>
    public byte WindowScaleOriginal { get; set; }

    /// <summary>Window scale shift of the reply direction.</summary>
    public byte WindowScaleReply { get; set; }

    /// <summary>State of the SCTP tracker (enum sctp_conntrack), 0 for other protocols.</summary>
    public byte SctpState { get; set; }

    /// <summary>SCTP verification tag of the original direction.</summary>
    public uint SctpTagOriginal { get; set; }

    /// <summary>SCTP verification tag of the reply direction.</summary>
    public uint SctpTagReply { get; set; }

    /// <summary>Labels.</summary>
    public ConnectionLabels Labels { get; set; }

    /// <summary>The helper that reads the connection; empty for none.</summary>
    public HelperName Helper { get; set; }

    /// <summary>Shift of the original direction's sequence numbers.</summary>
    public SequenceAdjustment AdjustOriginal { get; set; }

    /// <summary>Shift of the reply direction's sequence numbers.</summary>
    public SequenceAdjustment AdjustReply { get; set; }

    /// <summary>The bit of the mark that says "not replicated": rules with nopfsync set it.</summary>
    public const uint MarkNotReplicated = 0x8000_0000;

    /// <summary>IPS_SEEN_REPLY.</summary>
    public const uint StatusSeenReply = 1 << 1;

    /// <summary>IPS_ASSURED.</summary>
    public const uint StatusAssured = 1 << 2;

    /// <summary>IPS_CONFIRMED.</summary>
    public const uint StatusConfirmed = 1 << 3;

    /// <summary>IPS_SRC_NAT.</summary>
    public const uint StatusSourceNat = 1 << 4;

    /// <summary>IPS_DST_NAT.</summary>
    public const uint StatusDestinationNat = 1 << 5;

    /// <summary>IPS_OFFLOAD: a flowtable forwards the flow past connection tracking.</summary>
    public const uint StatusOffload = 1 << 14;

    /// <summary>IPS_DYING.</summary>
    public const uint StatusDying = 1 << 9;

    /// <summary>IP_CT_TCP_FLAG_WINDOW_SCALE.</summary>
    public const byte TcpFlagWindowScale = 0x01;

    /// <summary>IP_CT_TCP_FLAG_BE_LIBERAL: the tracker accepts segments outside the window it knows.</summary>
    public const byte TcpFlagBeLiberal = 0x08;

    /// <summary>True where the reply is not the mirrored original at its source: destination translation.</summary>
    public readonly bool HasDestinationNat =>
        Reply.Source != Original.Destination || (HasPorts && Reply.SourcePort != Original.DestinationPort);

    /// <summary>True where the reply is not the mirrored original at its destination: source translation.</summary>
    public readonly bool HasSourceNat => Reply.Destination != Original.Source || (HasPorts && Reply.DestinationPort != Original.SourcePort);

    /// <summary>True for protocols whose tuple ports are ports of two sides: TCP, UDP, SCTP, DCCP, UDP-Lite.</summary>
    public readonly bool HasPorts => Original.Protocol is 6 or 17 or 33 or 132 or 136;
}
