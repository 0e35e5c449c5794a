using Redoubt.Core.Failover;

namespace Redoubt.Core.Carp;

/// <summary>The master last heard in one address family.</summary>
/// <param name="Source">Source address of its advertisement; null before the first.</param>
/// <param name="LastHeard">When.</param>
/// <param name="AdvBase">As on the wire.</param>
/// <param name="AdvSkew">As on the wire.</param>
/// <param name="Demotion">As on the wire.</param>
public readonly record struct CarpFamilyView(IpAddressValue? Source, Instant LastHeard, byte AdvBase, byte AdvSkew, byte Demotion);

/// <summary>Somebody whose digest did not fit.</summary>
/// <param name="Source">Source address, not authenticated.</param>
/// <param name="IsIPv6">Its family.</param>
/// <param name="When">When.</param>
public readonly record struct CarpSighting(IpAddressValue Source, bool IsIPv6, Instant When);

/// <summary>
/// One vhid on one interface: options, election, digests, counter. Owned by one thread. <c>initialCounter</c> draws the random
/// counters that are sent until a first valid advertisement was heard (carp.md section 3).
/// </summary>
public sealed class CarpVirtualHost(CarpHostOptions options, Func<ulong> initialCounter) : IVirtualHost
{
    // A looping switch brings a packet back within milliseconds; eight cover four intervals in two families.
    private const int RememberedAdvertisements = 8;

    // Peers of a cluster are at most seven; further sources share the oldest place.
    private const int RememberedSources = 8;

    private readonly HeardSource[] _sources = new HeardSource[RememberedSources];
    private int _nextSource;
    private readonly CarpAuthenticator _authenticator = new(options);
    private readonly SentAdvertisement[] _sent = new SentAdvertisement[RememberedAdvertisements];
    private CarpFamilyView _ipv4;
    private CarpFamilyView _ipv6;
    private IpAddressValue _ownIPv4;
    private IpAddressValue _ownIPv6;
    private ulong _counter;
    private bool _heardAny;
    private int _sentIndex;

    /// <summary>What was asked.</summary>
    public CarpHostOptions Options { get; } = options;

    /// <summary>The election.</summary>
    public CarpStateMachine Machine { get; } = new(options);

    /// <summary>Where set, asked about every advertisement whose digest is right. Without it everybody is <see cref="CarpSender.Foreign"/>.</summary>
    public CarpSenderJudge? Judge { get; set; }

    /// <summary>When the last advertisement of somebody without heartbeats was heard; <see cref="Instant.Zero"/> where there was none.</summary>
    public Instant ForeignHeard { get; private set; } = Instant.Zero;

    /// <summary>Packets for this vhid.</summary>
    public CarpCounters Counters { get; } = new();

    /// <summary>The last sender whose digest did not fit; null while there was none.</summary>
    public CarpSighting? LastBadDigest { get; private set; }

    /// <summary>Its address.</summary>
    public IpAddressValue? LastBadDigestSender => LastBadDigest?.Source;

    IElection IVirtualHost.Machine => Machine;

    /// <inheritdoc />
    public byte Id => Options.Vhid;

    /// <inheritdoc />
    public MacAddress VirtualMac => MacAddress.Virtual(Options.Vhid);

    /// <inheritdoc />
    public bool IsDemoted => Machine.EffectiveSkew > Options.AdvSkew;

    /// <inheritdoc />
    public TimeSpan Interval => CarpTimes.Interval(Options.AdvBase, Options.AdvSkew);

    /// <inheritdoc />
    public long Sent => Counters.Sent;

    /// <inheritdoc />
    public TimeSpan Lease(bool demoted) =>
        CarpTimes.Lease(Options.AdvBase, CarpTimes.Interval(Options.AdvBase, demoted ? CarpTimes.SkewLimit : Options.AdvSkew));

    /// <inheritdoc />
    public HeardMaster Heard(bool ipv6) => new(View(ipv6).Source, View(ipv6).LastHeard);

    /// <inheritdoc />
    public int WriteFrame(
        Span<byte> frame,
        bool ipv6,
        MacAddress sourceMac,
        IpAddressValue source,
        IpAddressValue destination,
        MacAddress destinationMac,
        bool resign
    ) =>
        CarpFrame.Write(
            frame,
            this,
            ipv6,
            sourceMac,
            source,
            destination,
            destinationMac,
            resign ? CarpAdvertisement.Resigned : Options.AdvBase,
            resign ? CarpAdvertisement.Resigned : Machine.EffectiveSkew,
            Machine.DemotionByte
        );

    /// <summary>The master last heard in a family.</summary>
    public CarpFamilyView View(bool ipv6) => ipv6 ? _ipv6 : _ipv4;

    /// <summary>Whether this host has addresses in the family, and so takes part in it.</summary>
    public bool Has(bool ipv6) => ipv6 ? Machine.HasIPv6 : Machine.HasIPv4;

    /// <summary>Writes the next advertisement, 36 bytes with checksum, the same in both families. Takes one counter value.</summary>
    public int WriteAdvertisement(Span<byte> destination, bool ipv6, byte advBase, byte advSkew, byte demotion)
    {
        _counter = _heardAny ? _counter + 1 : initialCounter();
        Span<byte> digest = stackalloc byte[CarpAdvertisement.DigestLength];
        var form = Options.Flavour == CarpFlavour.OpenBsd ? CarpDigestForm.WithoutLinkLocal : CarpDigestForm.AllAddresses;
        _authenticator.Write(digest, _counter, form);
        CarpAdvertisement.Write(destination, Options.Vhid, advBase, advSkew, demotion, _counter, digest);
        Counters.CountSent(ipv6);
        _sentIndex = (_sentIndex + 1) % RememberedAdvertisements;
        _sent[_sentIndex] = new SentAdvertisement(_counter, default, ipv6);
        return CarpAdvertisement.Length;
    }

    /// <summary>Remembers from which address the advertisement written last goes out: for loops and for ties between equals.</summary>
    public void SentFrom(bool ipv6, IpAddressValue source)
    {
        _sent[_sentIndex] = _sent[_sentIndex] with { Source = source };
        if (ipv6)
            _ownIPv6 = source;
        else
            _ownIPv4 = source;
    }

    internal CarpDigestForm Authenticate(in CarpAdvertisement advertisement) =>
        _authenticator.Check(advertisement.Counter, advertisement.Digest);

    internal void SawBadDigest(bool ipv6, IpAddressValue source, Instant now) => LastBadDigest = new CarpSighting(source, ipv6, now);

    // Two masters that follow each other's counter may use the same value, so the counter alone is no proof of a loop:
    // dropping the peer's packet then would keep both masters. The source address must be ours, too.
    internal bool IsOwn(bool ipv6, IpAddressValue source, ulong counter)
    {
        if (source == default)
            return false;
        foreach (ref readonly var sent in _sent.AsSpan())
        {
            if (sent.Counter == counter && sent.Source == source && sent.IsIPv6 == ipv6)
                return true;
        }
        return false;
    }

    internal CarpSender Recognise(bool ipv6, IpAddressValue source, in CarpAdvertisement heard)
    {
        var fresh = IsFresh(ipv6, source, heard.Counter);
        return Judge?.Invoke(ipv6, source, fresh, heard.IsResignation) ?? CarpSender.Foreign;
    }

    internal CarpActions Hear(bool ipv6, IpAddressValue source, in CarpAdvertisement heard, CarpSender sender, Instant now)
    {
        _counter = heard.Counter;
        _heardAny = true;
        var view = new CarpFamilyView(source, now, heard.AdvBase, heard.AdvSkew, heard.Demotion);
        if (ipv6)
            _ipv6 = view;
        else
            _ipv4 = view;
        if (sender == CarpSender.Peer)
        {
            Machine.OnGroupWaits(now);
            return CarpActions.None;
        }
        // One that resigns is no master any more.
        ForeignHeard = heard.IsResignation ? Instant.Zero : now;
        var peer = new CarpPeerAdvertisement(heard.AdvBase, heard.AdvSkew, heard.Demotion, Tie(ipv6, source, now));
        return Machine.OnAdvertisement(ipv6, peer, now);
    }

    private bool IsFresh(bool ipv6, IpAddressValue source, ulong counter)
    {
        foreach (ref var known in _sources.AsSpan())
        {
            if (known.Source != source || known.IsIPv6 != ipv6 || source == default)
                continue;
            // Both families share one counter, and one value may go out in both.
            var fresh = counter > known.Counter;
            if (fresh)
                known.Counter = counter;
            return fresh;
        }
        _sources[_nextSource] = new HeardSource(source, ipv6, counter);
        _nextSource = (_nextSource + 1) % RememberedSources;
        return true;
    }

    // ucarp's order, so that we agree with it: the lower address wins, IPv4 compared from the last octet. With both families
    // the IPv4 addresses decide while they are fresh: else each node could win one family.
    private CarpTie Tie(bool ipv6, IpAddressValue source, Instant now)
    {
        if (ipv6 && _ipv4.Source is { } peerIPv4 && now - _ipv4.LastHeard <= Machine.MasterDownTime)
            return Compare(false, _ownIPv4, peerIPv4);
        return Compare(ipv6, ipv6 ? _ownIPv6 : _ownIPv4, source);
    }

    private static CarpTie Compare(bool ipv6, IpAddressValue own, IpAddressValue peer)
    {
        if (own == default || peer == default || own == peer)
            return CarpTie.Unknown;
        var order = ipv6
            ? (own.High, own.Low).CompareTo((peer.High, peer.Low))
            : System
                .Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)own.Low)
                .CompareTo(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)peer.Low));
        return order < 0 ? CarpTie.Wins : CarpTie.Loses;
    }

    private record struct HeardSource(IpAddressValue Source, bool IsIPv6, ulong Counter);

    private readonly record struct SentAdvertisement(ulong Counter, IpAddressValue Source, bool IsIPv6);
}
