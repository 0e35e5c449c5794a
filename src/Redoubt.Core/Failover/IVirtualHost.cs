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

    /// <summary>Where set, asked about every advertisement that is authentic. Without it everybody is <see cref="CarpSender.Foreign"/>.</summary>
    CarpSenderJudge? Judge { get; set; }

    /// <summary>When the last advertisement of a master without heartbeats was heard; <see cref="Instant.Zero"/> where there was none.</summary>
    Instant ForeignHeard { get; }

    /// <summary>Time between advertisements while not demoted.</summary>
    TimeSpan Interval { get; }

    /// <summary>Advertisements written.</summary>
    long Sent { get; }

    /// <summary>How long the lease runs from each advertisement, at full demotion or without any.</summary>
    TimeSpan Lease(bool demoted);

    /// <summary>Whether it has addresses in the family, and so takes part in it.</summary>
    bool Has(bool ipv6);

    /// <summary>The master last heard in a family.</summary>
    HeardMaster Heard(bool ipv6);

    /// <summary>
    /// Writes the next advertisement as an Ethernet frame and returns its length: as the election stands, or the one by which a master resigns.
    /// The host remembers the source.
    /// </summary>
    int WriteFrame(
        Span<byte> frame,
        bool ipv6,
        MacAddress sourceMac,
        IpAddressValue source,
        IpAddressValue destination,
        MacAddress destinationMac,
        bool resign
    );
}
