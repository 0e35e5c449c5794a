using Redoubt.Core.Carp;
using Redoubt.Core.Vrrp;

namespace Redoubt.Core.Failover;

/// <summary>What somebody does that the operator should know of.</summary>
public enum ElectionWarning
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>An advertisement of our vhid with another password or other addresses.</summary>
    BadDigest,

    /// <summary>VRRP with an id that we use in CARP.</summary>
    VrrpWithOurVhid,

    /// <summary>CARP with an id that we use in VRRP.</summary>
    CarpWithOurVrid,

    /// <summary>VRRP of our id, in another version, with another interval or password, or with a wrong checksum.</summary>
    VrrpDiffers,

    /// <summary>A virtual router of our id that lists other addresses.</summary>
    VrrpOtherAddresses,
}

/// <summary>What became of one packet of protocol 112.</summary>
public readonly record struct ElectionReceipt
{
    /// <summary>Who heard it; null where it was refused.</summary>
    public IVirtualHost? Host { get; init; }

    /// <summary>What that host wants done.</summary>
    public CarpActions Actions { get; init; }

    /// <summary>The id it carries, 0 where there was none.</summary>
    public byte Id { get; init; }

    /// <summary>Whether the operator should hear of it.</summary>
    public ElectionWarning Warning { get; init; }
}

/// <summary>One interface: CARP's virtual hosts, VRRP's virtual routers, and which of the two a packet is for. Owned by one thread.</summary>
public sealed class ElectionSegment
{
    /// <summary>The CARP part.</summary>
    public CarpSegment Carp { get; } = new();

    /// <summary>The VRRP part.</summary>
    public VrrpSegment Vrrp { get; } = new();

    /// <summary>Who else uses virtual router ids here.</summary>
    public ForeignIds Foreign { get; } = new();

    /// <summary>Adds a host of either protocol.</summary>
    public void Add(IVirtualHost host)
    {
        if (host is VrrpVirtualHost vrrp)
            Vrrp.Add(vrrp);
        else if (host is CarpVirtualHost carp)
            Carp.Add(carp);
    }

    /// <summary>Takes what stands behind the IP header of a packet of protocol 112 to its host, through that protocol's checks.</summary>
    public ElectionReceipt Receive(
        ReadOnlySpan<byte> payload,
        bool ipv6,
        IpAddressValue source,
        IpAddressValue destination,
        int ttl,
        Instant now
    )
    {
        var id = payload.Length > 1 ? payload[1] : (byte)0;
        var router = Vrrp.Find(id, ipv6);
        if (router is not null && IsVrrp(payload, ipv6))
        {
            var heard = Vrrp.Receive(payload, ipv6, source, destination, ttl, now);
            return new ElectionReceipt
            {
                Host = heard.Rejection == VrrpRejection.None ? heard.Host : null,
                Actions = heard.Actions,
                Id = id,
                Warning = WarningOf(heard),
            };
        }
        var receipt = Carp.Receive(payload, ipv6, source, destination, ttl, now);
        var warning = 0 switch
        {
            _ when receipt.ForeignVrrpWithOurId => ElectionWarning.VrrpWithOurVhid,
            _ when receipt.Rejection == CarpRejection.BadDigest => ElectionWarning.BadDigest,
            _ when router is not null && receipt.Rejection == CarpRejection.UnknownVhid => ElectionWarning.CarpWithOurVrid,
            _ => ElectionWarning.None,
        };
        if (router is not null)
            Vrrp.Count(router, VrrpRejection.Carp);
        if (receipt.Rejection == CarpRejection.UnknownVhid || receipt.IsVrrp)
            Foreign.Note(payload, ipv6, source, ttl, now);
        return new ElectionReceipt
        {
            Host = receipt.Rejection == CarpRejection.None ? receipt.Host : null,
            Actions = receipt.Actions,
            Id = id,
            Warning = warning,
        };
    }

    // For an id of VRRP: anything but a CARP advertisement of version 2, so that what is wrong with it is said in VRRP's words.
    private static bool IsVrrp(ReadOnlySpan<byte> payload, bool ipv6) =>
        Protocol112.Classify(payload, ipv6) != Protocol112Kind.Carp || VrrpAdvertisement.TryView(payload, ipv6, out _);

    private static ElectionWarning WarningOf(in VrrpReceipt heard) =>
        heard.Rejection switch
        {
            VrrpRejection.BadVersion or VrrpRejection.BadChecksum or VrrpRejection.BadAuthentication or VrrpRejection.BadInterval =>
                ElectionWarning.VrrpDiffers,
            VrrpRejection.None when heard.ListsOtherAddresses => ElectionWarning.VrrpOtherAddresses,
            _ => ElectionWarning.None,
        };
}
