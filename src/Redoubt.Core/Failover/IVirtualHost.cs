using Redoubt.Core.Carp;

namespace Redoubt.Core.Failover;

/// <summary>Another node that advertised as master.</summary>
/// <param name="Source">Its address; null before the first.</param>
/// <param name="LastHeard">When.</param>
public readonly record struct HeardMaster(IpAddressValue? Source, Instant LastHeard);

/// <summary>One vhid (CARP) or virtual router (VRRP) on one interface: its election and the frames it sends. Owned by one thread.</summary>
public interface IVirtualHost
{
    /// <summary>The vhid or VRID.</summary>
    byte Id { get; }

    /// <summary>The election.</summary>
    IElection Machine { get; }

    /// <summary>The MAC its addresses are answered with.</summary>
    MacAddress VirtualMac { get; }

    /// <summary>True while it advertises as worse than configured.</summary>
    bool IsDemoted { get; }

    /// <summary>Time between advertisements while not demoted.</summary>
    TimeSpan Interval { get; }

    /// <summary>advbase and advskew, or what of VRRP corresponds to them: the smaller, the better.</summary>
    (byte AdvBase, byte AdvSkew) Preference { get; }

    /// <summary>The least time that a peer waits for this node's advertisements.</summary>
    TimeSpan PeersWait { get; }

    /// <summary>Where set, asked about the sender of every advertisement that is otherwise right. Without it everybody is <see cref="CarpSender.Foreign"/>.</summary>
    CarpSenderJudge? Judge { get; set; }

    /// <summary>When the last advertisement of somebody without heartbeats was heard; <see cref="Instant.Zero"/> where there was none.</summary>
    Instant ForeignHeard { get; }

    /// <summary>Whom advertisements of a family go to; empty: the multicast group.</summary>
    IReadOnlyList<IpAddressValue> Peers(bool ipv6);

    /// <summary>Advertisements written.</summary>
    long Sent { get; }

    /// <summary>Whether peers may still have the addresses as they were before a change, so that an advertisement for them is sent as well.</summary>
    bool SendsFormer(Instant now);

    /// <summary>How long the lease runs from each advertisement, at full demotion or without any.</summary>
    TimeSpan Lease(bool demoted);

    /// <summary>Whether it has addresses in the family, and so takes part in it.</summary>
    bool Has(bool ipv6);

    /// <summary>The master last heard in a family.</summary>
    HeardMaster Heard(bool ipv6);

    /// <summary>
    /// Writes the next advertisement as an Ethernet frame and returns its length: as the election stands, or the one by which a master resigns. With
    /// <paramref name="former"/> it bears the digest over the addresses before a change (<see cref="SendsFormer"/>). The host remembers the source.
    /// </summary>
    int WriteFrame(
        Span<byte> frame,
        bool ipv6,
        MacAddress sourceMac,
        IpAddressValue source,
        IpAddressValue destination,
        MacAddress destinationMac,
        bool resign,
        bool former = false
    );
}
