using System.Security.Cryptography;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;

namespace Redoubt.Core.Vrrp;

/// <summary>One VRID of one family on one interface: options, election, checks. Owned by one thread.</summary>
public sealed class VrrpVirtualHost : IVirtualHost
{
    private readonly IpAddressValue[] _addresses;
    private readonly byte[] _password = new byte[VrrpHostOptions.PasswordLength];
    private readonly VrrpStateMachine _machine;
    private HeardMaster _heard;
    private IpAddressValue _own;
    private ushort _identification;

    /// <summary>Lays out what does not change.</summary>
    public VrrpVirtualHost(VrrpHostOptions options)
    {
        Options = options;
        _machine = new VrrpStateMachine(options);
        // RFC 5798 section 5.2.9: with IPv6 the link-local address comes first. OrderBy is stable.
        _addresses = [.. options.Addresses.OrderBy(a => !options.IsIPv6 || a.High >> 54 == 0xfe80 >> 6 ? 0 : 1)];
        options.WritePassword(_password);
    }

    /// <summary>What was asked.</summary>
    public VrrpHostOptions Options { get; }

    /// <summary>The election.</summary>
    public VrrpStateMachine Election => _machine;

    /// <inheritdoc />
    public IElection Machine => _machine;

    /// <summary>Packets for this virtual router.</summary>
    public VrrpCounters Counters { get; } = new();

    /// <inheritdoc />
    public byte Id => Options.Vrid;

    /// <inheritdoc />
    public MacAddress VirtualMac => Options.IsIPv6 ? MacAddress.VirtualVrrp6(Options.Vrid) : MacAddress.Virtual(Options.Vrid);

    /// <inheritdoc />
    public bool IsDemoted => _machine.EffectivePriority < Options.Priority;

    /// <inheritdoc />
    public TimeSpan Interval => Options.Interval;

    /// <inheritdoc />
    public long Sent => Counters.Sent;

    /// <inheritdoc />
    public TimeSpan Lease(bool demoted) => VrrpTimes.Lease(Options.Interval);

    /// <inheritdoc />
    public bool Has(bool ipv6) => Options.IsIPv6 == ipv6 && _addresses.Length > 0;

    /// <inheritdoc />
    public CarpSenderJudge? Judge { get; set; }

    /// <inheritdoc />
    public Instant ForeignHeard { get; private set; } = Instant.Zero;

    /// <inheritdoc />
    public HeardMaster Heard(bool ipv6) => ipv6 == Options.IsIPv6 ? _heard : default;

    /// <inheritdoc />
    public int WriteFrame(
        Span<byte> frame,
        bool ipv6,
        MacAddress sourceMac,
        IpAddressValue source,
        IpAddressValue destination,
        MacAddress destinationMac,
        bool resign
    )
    {
        _own = source;
        Counters.Sent++;
        var priority = resign ? (byte)0 : _machine.EffectivePriority;
        return VrrpFrame.Write(frame, this, priority, sourceMac, source, destination, destinationMac, ++_identification);
    }

    /// <summary>Writes the message behind the IP header with its checksum and returns its length.</summary>
    public int WriteMessage(Span<byte> message, byte priority, IpAddressValue source, IpAddressValue destination) =>
        VrrpAdvertisement.Write(message, Options, priority, _addresses, _password, source, destination);

    internal bool IsPeer(IpAddressValue source)
    {
        for (var i = 0; i < Options.Peers.Count; i++)
        {
            if (Options.Peers[i] == source)
                return true;
        }
        return false;
    }

    internal bool IsOwn(IpAddressValue source) => source != default && source == _own;

    internal bool Authenticates(in VrrpAdvertisement heard) =>
        Options.Version != 2
        || (Options.Password.Length == 0 && heard.AuthenticationType == 0)
        || (
            Options.Password.Length > 0
            && heard.AuthenticationType == VrrpAdvertisement.PasswordAuthentication
            && CryptographicOperations.FixedTimeEquals(heard.AuthenticationData, _password)
        );

    internal bool ChecksumIsRight(in VrrpAdvertisement heard, IpAddressValue source, IpAddressValue destination) =>
        Options.Checksum == VrrpChecksum.WithoutPseudoHeader && !Options.IsIPv6
            ? heard.ChecksumIsRightWithoutPseudoHeader
            : heard.ChecksumIsRight(source, destination);

    // The order is not looked at: peers list them as their operators wrote them.
    internal bool ListsTheSame(in VrrpAdvertisement heard)
    {
        if (heard.AddressCount != _addresses.Length)
            return false;
        for (var i = 0; i < _addresses.Length; i++)
        {
            if (Array.IndexOf(_addresses, heard.Address(i)) < 0)
                return false;
        }
        return true;
    }

    internal CarpActions Hear(IpAddressValue source, in VrrpAdvertisement heard, Instant now)
    {
        // Nothing in VRRP tells a recording from its original.
        var sender = Judge?.Invoke(Options.IsIPv6, source, isFresh: true, resigns: heard.Priority == 0) ?? CarpSender.Foreign;
        if (sender == CarpSender.Refused)
            return CarpActions.None;
        _heard = new HeardMaster(source, now);
        if (sender == CarpSender.Peer)
        {
            _machine.OnGroupWaits(now);
            return CarpActions.None;
        }
        ForeignHeard = heard.Priority == 0 ? Instant.Zero : now;
        var higher = (source.High, source.Low).CompareTo((_own.High, _own.Low)) > 0;
        return _machine.OnAdvertisement(new VrrpPeerAdvertisement(heard.Priority, heard.Interval, source, higher), now);
    }
}
