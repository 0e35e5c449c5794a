using Redoubt.Core.Carp;

namespace Redoubt.Core.Vrrp;

/// <summary>What became of one VRRP packet.</summary>
public readonly record struct VrrpReceipt
{
    /// <summary>Why it was refused; <see cref="VrrpRejection.None"/> where a virtual router heard it.</summary>
    public VrrpRejection Rejection { get; init; }

    /// <summary>The virtual router of the id in it, where there is one.</summary>
    public VrrpVirtualHost? Host { get; init; }

    /// <summary>What that router wants done.</summary>
    public CarpActions Actions { get; init; }

    /// <summary>It was accepted, but lists other addresses than ours: somebody's configuration is wrong.</summary>
    public bool ListsOtherAddresses { get; init; }
}

/// <summary>The virtual routers of one interface and the way a packet takes to them. Owned by one thread.</summary>
public sealed class VrrpSegment
{
    private readonly VrrpVirtualHost?[] _ipv4 = new VrrpVirtualHost?[256];
    private readonly VrrpVirtualHost?[] _ipv6 = new VrrpVirtualHost?[256];

    /// <summary>All VRRP packets of this interface, also those without a virtual router.</summary>
    public VrrpCounters Counters { get; } = new();

    /// <summary>Adds a virtual router, or replaces the one of its id and family.</summary>
    public void Add(VrrpVirtualHost host) => (host.Options.IsIPv6 ? _ipv6 : _ipv4)[host.Options.Vrid] = host;

    /// <summary>The virtual router of an id and family, or null.</summary>
    public VrrpVirtualHost? Find(byte vrid, bool ipv6) => (ipv6 ? _ipv6 : _ipv4)[vrid];

    /// <summary>Takes what stands behind the IP header through the checks of RFC 5798 section 7.1 and to its virtual router.</summary>
    public VrrpReceipt Receive(
        ReadOnlySpan<byte> payload,
        bool ipv6,
        IpAddressValue source,
        IpAddressValue destination,
        int ttl,
        Instant now
    )
    {
        var host = payload.Length > 1 ? Find(payload[1], ipv6) : null;
        if (!VrrpAdvertisement.TryView(payload, ipv6, out var heard))
            return Count(host, VrrpRejection.BadLength);
        if (host is null)
            return Count(null, VrrpRejection.UnknownVrid);
        var rejection = Check(host, heard, source, destination, ttl);
        if (rejection != VrrpRejection.None)
            return Count(host, rejection);
        Count(host, VrrpRejection.None);
        return new VrrpReceipt
        {
            Host = host,
            Actions = host.Hear(source, heard, now),
            ListsOtherAddresses = !host.ListsTheSame(heard),
        };
    }

    private static VrrpRejection Check(
        VrrpVirtualHost host,
        in VrrpAdvertisement heard,
        IpAddressValue source,
        IpAddressValue destination,
        int ttl
    )
    {
        var options = host.Options;
        if (options.Peers.Count > 0)
        {
            if (!host.IsPeer(source))
                return VrrpRejection.UnknownPeer;
        }
        else if (ttl != 255)
        {
            return VrrpRejection.BadTtl;
        }
        if (heard.Version != options.Version)
            return VrrpRejection.BadVersion;
        if (heard.Type != VrrpAdvertisement.AdvertisementType)
            return VrrpRejection.BadType;
        if (!host.ChecksumIsRight(heard, source, destination))
            return VrrpRejection.BadChecksum;
        if (!host.Authenticates(heard))
            return VrrpRejection.BadAuthentication;
        if (options.Version == 2 ? heard.Interval != options.Interval : heard.Interval == TimeSpan.Zero)
            return VrrpRejection.BadInterval;
        return host.IsOwn(source) ? VrrpRejection.OwnLoopback : VrrpRejection.None;
    }

    internal VrrpReceipt Count(VrrpVirtualHost? host, VrrpRejection rejection)
    {
        Counters.CountReceived(rejection);
        host?.Counters.CountReceived(rejection);
        return new VrrpReceipt { Rejection = rejection, Host = host };
    }
}
