namespace Redoubt.Core.Pfsync;

#pragma warning disable CA1051 // Parts of a message are fields, so that they are changed in place and never copied.

/// <summary>A pf state, all fields of all formats; those a format lacks are 0 after reading and not written. A value, without an object.</summary>
public struct PfState
{
    /// <summary>state_flags: the sequence tracker is off.</summary>
    public const ushort FlagSloppy = 0x0002;

    /// <summary>state_flags: the sender holds a packet and waits for INS_ACK.</summary>
    public const ushort FlagAck = 0x0010;

    /// <summary>"No rule", "no anchor".</summary>
    public const uint NoRule = 0xffff_ffff;

    /// <summary>Number of the state at its creator.</summary>
    public ulong Id { get; set; }

    /// <summary>Host id of the creator.</summary>
    public uint Creator { get; set; }

    /// <summary>The interface it is bound to; `all` where it floats.</summary>
    public PfName Interface;

    /// <summary>1500: where it was created.</summary>
    public PfName OriginalInterface;

    /// <summary>1400, 1500: interface of the route.</summary>
    public PfName RouteInterface;

    /// <summary>1500: the tag its packets bear.</summary>
    public PfTag Tag;

    /// <summary>As seen outside of the host on that interface.</summary>
    public PfKey Wire;

    /// <summary>As seen inside.</summary>
    public PfKey Stack;

    /// <summary>The side that opened the connection.</summary>
    public PfPeer Source;

    /// <summary>The other side.</summary>
    public PfPeer Destination;

    /// <summary>Next hop of route-to and its like; zero when unused.</summary>
    public IpAddressValue RouteAddress { get; set; }

    /// <summary>Number of the rule.</summary>
    public uint Rule { get; set; }

    /// <summary>Number of the anchor's rule.</summary>
    public uint Anchor { get; set; }

    /// <summary>Number of the translation rule.</summary>
    public uint NatRule { get; set; }

    /// <summary>Age in seconds at sending time.</summary>
    public uint Creation { get; set; }

    /// <summary>Seconds left.</summary>
    public uint Expire { get; set; }

    /// <summary>Packets from the initiator.</summary>
    public ulong PacketsForward { get; set; }

    /// <summary>Packets from the responder.</summary>
    public ulong PacketsBack { get; set; }

    /// <summary>Bytes from the initiator.</summary>
    public ulong BytesForward { get; set; }

    /// <summary>Bytes from the responder.</summary>
    public ulong BytesBack { get; set; }

    /// <summary>1301, 1400, v6: family of the wire key, the sender's number.</summary>
    public byte Family { get; set; }

    /// <summary>IP protocol of the wire key.</summary>
    public byte Protocol { get; set; }

    /// <summary>1500: IP protocol of the stack key.</summary>
    public byte StackProtocol { get; set; }

    /// <summary>1500: family of the next hop.</summary>
    public byte RouteFamily { get; set; }

    /// <summary>1 in, 2 out.</summary>
    public byte Direction { get; set; }

    /// <summary>Log bits.</summary>
    public byte Log { get; set; }

    /// <summary>Flags; 1301 has the low eight bits only.</summary>
    public ushort Flags { get; set; }

    /// <summary>Timeout class (PFTM).</summary>
    public byte Timeout { get; set; }

    /// <summary>Source node bits; not in 1500.</summary>
    public byte SyncFlags { get; set; }

    /// <summary>Unused counter; not in 1500.</summary>
    public byte Updates { get; set; }

    /// <summary>Queue.</summary>
    public ushort Queue { get; set; }

    /// <summary>Queue for acknowledgements.</summary>
    public ushort PriorityQueue { get; set; }

    /// <summary>Dummynet pipe or queue.</summary>
    public ushort Pipe { get; set; }

    /// <summary>Dummynet of the replies.</summary>
    public ushort ReplyPipe { get; set; }

    /// <summary>Routing table, -1 for none.</summary>
    public int RoutingTable { get; set; }

    /// <summary>v6: routing table of the replies.</summary>
    public int ReplyRoutingTable { get; set; }

    /// <summary>min-ttl.</summary>
    public byte MinTtl { get; set; }

    /// <summary>set-tos.</summary>
    public byte SetTos { get; set; }

    /// <summary>max-mss.</summary>
    public ushort MaxMss { get; set; }

    /// <summary>set-prio.</summary>
    public byte SetPriority { get; set; }

    /// <summary>set-prio of low-delay packets.</summary>
    public byte SetPriorityLowDelay { get; set; }

    /// <summary>Kind of route, in the sender's numbers.</summary>
    public byte Route { get; set; }
}
