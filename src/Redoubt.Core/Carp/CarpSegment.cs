using Redoubt.Core.Vrrp;

namespace Redoubt.Core.Carp;

/// <summary>What became of one packet.</summary>
public readonly record struct CarpReceipt
{
    /// <summary>Why it was refused; <see cref="CarpRejection.None"/> where a virtual host heard it.</summary>
    public CarpRejection Rejection { get; init; }

    /// <summary>The virtual host of the id in it, where there is one.</summary>
    public CarpVirtualHost? Host { get; init; }

    /// <summary>What that host wants done.</summary>
    public CarpActions Actions { get; init; }

    /// <summary>It is VRRP.</summary>
    public bool IsVrrp { get; init; }

    /// <summary>The id it carries, 0 where there was none.</summary>
    public byte Vhid { get; init; }

    /// <summary>VRRP with an id that we use in CARP: two protocols fight over one virtual MAC.</summary>
    public bool ForeignVrrpWithOurId { get; init; }
}

/// <summary>One interface: its virtual hosts and the way a packet takes to them. Owned by one thread.</summary>
public sealed class CarpSegment
{
    private readonly CarpVirtualHost?[] _hosts = new CarpVirtualHost?[256];

    /// <summary>All packets of this interface, also those without a virtual host.</summary>
    public CarpCounters Counters { get; } = new();

    /// <summary>Adds a virtual host, or replaces the one with its id.</summary>
    public void Add(CarpVirtualHost host) => _hosts[host.Options.Vhid] = host;

    /// <summary>Removes a virtual host; false where there is none.</summary>
    public bool Remove(byte vhid)
    {
        var was = _hosts[vhid] is not null;
        _hosts[vhid] = null;
        return was;
    }

    /// <summary>The virtual host of an id, or null.</summary>
    public CarpVirtualHost? Find(byte vhid) => _hosts[vhid];

    /// <summary>
    /// Takes what stands behind the IP header of a packet of protocol 112 through the checks of carp.md section 4 in the
    /// recommended order, and to its virtual host.
    /// </summary>
    public CarpReceipt Receive(
        ReadOnlySpan<byte> payload,
        bool ipv6,
        IpAddressValue source,
        IpAddressValue destination,
        int ttl,
        Instant now
    )
    {
        var vhid = payload.Length > 1 ? payload[1] : (byte)0;
        var host = _hosts[vhid];
        if (IsVrrp(payload, ipv6, host))
            return Refuse(CarpRejection.Vrrp, ipv6, vhid, host);
        if (!CarpAdvertisement.TryView(payload, out var heard))
            return Refuse(CarpRejection.BadLength, ipv6, vhid, host);
        var unicast = host is not null && (ipv6 ? host.Options.UnicastIPv6 : host.Options.UnicastIPv4);
        if (ttl != 255 && !(unicast && !IsMulticast(ipv6, destination)))
            return Refuse(CarpRejection.BadTtl, ipv6, vhid, host);
        if (!heard.ChecksumIsRight)
            return Refuse(CarpRejection.BadChecksum, ipv6, vhid, host);
        if (heard.Version != 2)
            return Refuse(CarpRejection.BadVersion, ipv6, vhid, host);
        if (host is null || !host.Has(ipv6))
            return Refuse(CarpRejection.UnknownVhid, ipv6, vhid, null);
        if (host.Authenticate(heard) == CarpDigestForm.None)
        {
            host.SawBadDigest(ipv6, source, now);
            return Refuse(CarpRejection.BadDigest, ipv6, vhid, host);
        }
        if (host.IsOwn(ipv6, source, heard.Counter))
            return Refuse(CarpRejection.OwnLoopback, ipv6, vhid, host);
        var sender = host.Recognise(ipv6, source, heard);
        if (sender == CarpSender.Refused)
            return Refuse(CarpRejection.Replayed, ipv6, vhid, host);
        Count(CarpRejection.None, ipv6, false, host);
        return new CarpReceipt
        {
            Host = host,
            Vhid = vhid,
            Actions = host.Hear(ipv6, source, heard, sender, now),
        };
    }

    // A VRRPv2 message of seven addresses looks like CARP with eight bytes behind it; only the digest tells.
    private static bool IsVrrp(ReadOnlySpan<byte> payload, bool ipv6, CarpVirtualHost? host)
    {
        if (Protocol112.Classify(payload, ipv6) == Protocol112Kind.Carp)
            return false;
        return !(
            Protocol112.MayAlsoBeCarp(payload, ipv6)
            && host is not null
            && CarpAdvertisement.TryView(payload, out var heard)
            && host.Authenticate(heard) != CarpDigestForm.None
        );
    }

    private CarpReceipt Refuse(CarpRejection rejection, bool ipv6, byte vhid, CarpVirtualHost? host)
    {
        var vrrp = rejection == CarpRejection.Vrrp;
        var foreign = vrrp && host is not null;
        Count(rejection, ipv6, foreign, host);
        return new CarpReceipt
        {
            Rejection = rejection,
            Host = host,
            Vhid = vhid,
            IsVrrp = vrrp,
            ForeignVrrpWithOurId = foreign,
        };
    }

    private void Count(CarpRejection outcome, bool ipv6, bool ourIdInVrrp, CarpVirtualHost? host)
    {
        Counters.CountReceived(outcome, ipv6, ourIdInVrrp);
        host?.Counters.CountReceived(outcome, ipv6, ourIdInVrrp);
    }

    private static bool IsMulticast(bool ipv6, IpAddressValue address) =>
        ipv6 ? address.High >> 56 == 0xff : (address.Low >> 28 & 0xf) == 0xe;
}
