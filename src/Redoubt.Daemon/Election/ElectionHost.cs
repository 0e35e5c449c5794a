using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;
using Redoubt.Core.Failover;
using Redoubt.Core.Neighbours;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Election;

/// <summary>One vhid on one port, between its election and the kernel. Owned by the election thread.</summary>
internal sealed class ElectionHost(VirtualHostConfiguration configuration, ElectionPort port, IVirtualHost host, int member, int group)
{
    // Neighbours that missed the first announcement get others; the last one catches switches that come up slowly.
    private static readonly TimeSpan[] _burst =
    [
        TimeSpan.Zero,
        TimeSpan.FromMilliseconds(200),
        TimeSpan.FromSeconds(1),
        TimeSpan.FromSeconds(3),
        TimeSpan.FromSeconds(10),
    ];

    private Instant _burstStart = Instant.Never;
    private int _burstNext = _burst.Length;

    public VirtualHostConfiguration Configuration { get; } = configuration;

    public ElectionPort Port { get; } = port;

    /// <summary>Its election and its advertisements, by CARP or by VRRP.</summary>
    public IVirtualHost Virtual { get; } = host;

    public IElection Machine => Virtual.Machine;

    /// <summary>Index in the gate's members.</summary>
    public int Member { get; } = member;

    /// <summary>Index in the gate's lease groups.</summary>
    public int Group { get; } = group;

    /// <summary>The macvlan; with the real MAC the parent.</summary>
    public LinkInfo Device { get; set; }

    /// <summary>Its addresses stand on the parent and are answered for with its MAC: it has no device of its own.</summary>
    public bool UsesRealMac => Configuration.UsesRealMac;

    /// <summary>The MAC that its addresses are at while this node holds them.</summary>
    public MacAddress Mac => UsesRealMac ? Port.Link.Mac : Virtual.VirtualMac;

    /// <summary>Whether its advertisements leave.</summary>
    public SendHealth Sending { get; } = new();

    /// <summary>When to find out anew, while it has no advertisements to send, whether they would leave.</summary>
    public Instant NextProbe => IsMaster || !Port.IsUsable ? Instant.Never : Sending.ProbeAt;

    /// <summary>What is done when somebody else claims its addresses.</summary>
    public AddressDefence Defence { get; } = new();

    /// <summary>Who claimed one of them last, and which.</summary>
    public NeighbourClaim LastClaim { get; set; }

    /// <summary>The networks that its addresses name, each once; link-local ones are reached anyhow.</summary>
    public ImmutableArray<AddressPrefix> Networks { get; } =
    [.. configuration.Addresses.Where(a => !a.IsHost && !a.IsLinkLocal).Select(a => a.Network).Distinct()];

    /// <summary>Those whose route we have set.</summary>
    public HashSet<AddressPrefix> Routes { get; } = [];

    /// <summary>What the election asked for and was not yet done.</summary>
    public CarpActions Pending { get; set; }

    /// <summary>What waits until the slower master had time to yield.</summary>
    public CarpActions Deferred { get; private set; }

    /// <summary>When <see cref="Deferred"/> is due.</summary>
    public Instant ClaimAt { get; private set; } = Instant.Never;

    /// <summary>When the gate, which is open for packets alone, closes.</summary>
    public Instant DrainEnd { get; set; } = Instant.Never;

    /// <summary>The slower master was asked to yield and had its time.</summary>
    public bool HasAsked { get; private set; }

    /// <summary>Why its failover group moved last; for <see cref="CarpReason.Group"/>.</summary>
    public string GroupText { get; set; } = "";

    /// <summary>The state last told to the log.</summary>
    public CarpState Told { get; set; } = CarpState.Init;

    /// <summary>Its failover group by the configuration.</summary>
    public string RoleGroup { get; set; } = "";

    /// <summary>What hooks are told of it: interface, vhid, addresses.</summary>
    public ImmutableArray<string> RoleArguments { get; } =
    [
        configuration.Interface,
        configuration.Vhid.ToString(CultureInfo.InvariantCulture),
        .. configuration.Addresses.Select(a => a.ToString()),
    ];

    /// <summary>Hooks and services know of it.</summary>
    public bool IsTold { get; set; }

    /// <summary>Whether the addresses are in the kernel, as far as we did it.</summary>
    public bool HoldsAddresses { get; set; }

    /// <summary>When the kernel's addresses are to be compared with the wanted ones; <see cref="Instant.Never"/>: they fit.</summary>
    public Instant RepairAt { get; set; } = Instant.Never;

    public bool IsMaster => Machine.State == CarpState.Master;

    /// <summary>When <see cref="TakeAnnouncement"/> is due.</summary>
    public Instant NextAnnouncement => _burstNext < _burst.Length ? _burstStart + _burst[_burstNext] : Instant.Never;

    public void StartAnnouncements(Instant now) => (_burstStart, _burstNext) = (now, 0);

    public void StopAnnouncements() => _burstNext = _burst.Length;

    /// <summary>True where an announcement is due; it then counts as done.</summary>
    public bool TakeAnnouncement(Instant now)
    {
        if (now < NextAnnouncement)
            return false;
        while (now >= NextAnnouncement)
            _burstNext++;
        return true;
    }

    /// <summary>Adds what the election asks; a claim and a release of the same turn cancel in the order they came.</summary>
    public void Add(CarpActions actions)
    {
        if ((actions & CarpActions.Release) != 0)
        {
            Pending &= ~Claiming;
            Deferred = CarpActions.None;
            ClaimAt = Instant.Never;
            HasAsked = false;
        }
        Pending |= actions;
    }

    /// <summary>Puts the claim off.</summary>
    public void Defer(Instant until)
    {
        Deferred = Pending & Claiming;
        Pending &= ~Claiming;
        ClaimAt = until;
    }

    /// <summary>The claim is due.</summary>
    public void Resume()
    {
        Pending |= Deferred;
        Deferred = CarpActions.None;
        ClaimAt = Instant.Never;
        HasAsked = true;
    }

    private const CarpActions Claiming = CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce;
}
