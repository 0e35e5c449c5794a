using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;
using static Redoubt.Tests.Vrrp.Bench;

namespace Redoubt.Tests.Vrrp;

public class VrrpSegmentTests
{
    private readonly ElectionSegment _segment = new();

    private VrrpVirtualHost Add(VrrpHostOptions options)
    {
        var host = new VrrpVirtualHost(options);
        _segment.Add(host);
        host.Machine.OnReady(At(0));
        return host;
    }

    public static TheoryData<string, VrrpRejection> Refused() =>
        new()
        {
            { "ttl", VrrpRejection.BadTtl },
            { "id", VrrpRejection.UnknownVrid },
            { "version", VrrpRejection.BadVersion },
            { "type", VrrpRejection.BadType },
            { "checksum", VrrpRejection.BadChecksum },
            { "short", VrrpRejection.BadLength },
            { "long", VrrpRejection.BadLength },
            { "no interval", VrrpRejection.BadInterval },
        };

    [Theory]
    [MemberData(nameof(Refused))]
    public void WhatIsRefusedIsCountedAndTouchesNoTimer(string what, VrrpRejection rejection)
    {
        foreach (var master in new[] { false, true })
        {
            var host = Add(Options());
            if (master)
                host.Machine.OnTurn(host.Machine.Deadline);
            var (state, deadline, now) = (host.Machine.State, host.Machine.Deadline, At(3.7));
            for (var i = 0; i < 100; i++)
            {
                var receipt = Hear(_segment, Spoil(what), High, now, what == "ttl" ? 254 : 255);
                Assert.Equal((null, CarpActions.None), (receipt.Host, receipt.Actions));
            }
            Assert.Equal((state, deadline), (host.Machine.State, host.Machine.Deadline));
            if (rejection != VrrpRejection.UnknownVrid)
                Assert.Equal(100, host.Counters[rejection]);
        }
    }

    private static byte[] Spoil(string what)
    {
        var good = Advert(Options(priority: 200), High);
        byte[] Again(int at, byte value)
        {
            good[at] = value;
            good[6] = good[7] = 0;
            var sum = InternetChecksum.PseudoHeader(false, High, CarpFrame.GroupIPv4, good.Length, 112);
            sum = InternetChecksum.Finish(InternetChecksum.Add(sum, good));
            (good[6], good[7]) = ((byte)(sum >> 8), (byte)sum);
            return good;
        }
        switch (what)
        {
            case "id":
                return Again(1, 43);
            case "version":
                return Advert(Options(priority: 200, version: 2), High);
            case "type":
                return Again(0, 0x32);
            case "checksum":
                good[6] ^= 1;
                return good;
            case "short":
                return good[..^1];
            case "long":
                return [.. good, 0];
            case "no interval":
                return Again(5, 0);
            default:
                return good;
        }
    }

    [Fact]
    public void AGoodAdvertisementIsHeardAndTellsWhoIsMaster()
    {
        var host = Add(Options());
        var receipt = Hear(_segment, Advert(Options(priority: 200), High), High, At(1));
        Assert.Same(host, receipt.Host);
        Assert.Equal(new HeardMaster(High, At(1)), host.Heard(false));
        Assert.Equal(At(1) + host.Machine.MasterDownTime, host.Machine.Deadline);
        Assert.Equal(1, host.Counters[VrrpRejection.None]);
    }

    [Fact]
    public void EachFamilyIsARouterOfItsOwnWithItsOwnMac()
    {
        var ipv4 = Add(Options());
        var six = Options() with { IsIPv6 = true, Addresses = [new(0x2001_0db8_0000_0000, 1), new(0xfe80_0000_0000_0000, 7)] };
        var ipv6 = Add(six);
        var source = new IpAddressValue(0xfe80_0000_0000_0000, 1);
        var message = Advert(six, source);
        // The link-local address comes first, whatever order the operator chose.
        Assert.True(VrrpAdvertisement.TryView(message, true, out var view));
        Assert.Equal(new IpAddressValue(0xfe80_0000_0000_0000, 7), view.Address(0));
        var receipt = Hear(_segment, message, source, At(1), ipv6: true);
        Assert.Same(ipv6, receipt.Host);
        Assert.Equal(ElectionWarning.None, receipt.Warning);
        Assert.Null(ipv4.Heard(false).Source);
        Assert.Equal("00:00:5e:00:01:2a", ipv4.VirtualMac.ToString());
        Assert.Equal("00:00:5e:00:02:2a", ipv6.VirtualMac.ToString());
        Assert.Equal((true, false), (ipv6.Has(true), ipv6.Has(false)));
    }

    [Fact]
    public void TheChecksumOfTheOtherVariantIsRefused()
    {
        var plain = Options(priority: 200) with { Checksum = VrrpChecksum.WithoutPseudoHeader };
        var host = Add(Options());
        Assert.Null(Hear(_segment, Advert(plain, High), High, At(1)).Host);
        Assert.Equal(1, host.Counters[VrrpRejection.BadChecksum]);
        host = Add(plain);
        Assert.Same(host, Hear(_segment, Advert(plain, High), High, At(1)).Host);
        Assert.Null(Hear(_segment, Advert(Options(priority: 200), High), High, At(1)).Host);
    }

    [Fact]
    public void Version2ComparesPasswordAndInterval()
    {
        var options = Options(version: 2) with { Password = "s3cr3t" };
        var host = Add(options);
        Assert.Same(host, Hear(_segment, Advert(options, High, 200), High, At(1)).Host);
        Assert.Null(Hear(_segment, Advert(options with { Password = "other" }, High), High, At(1)).Host);
        Assert.Null(Hear(_segment, Advert(options with { Password = "" }, High), High, At(1)).Host);
        Assert.Equal(2, host.Counters[VrrpRejection.BadAuthentication]);
        var slower = Hear(_segment, Advert(options with { Interval = TimeSpan.FromSeconds(2) }, High), High, At(1));
        Assert.Equal((null, ElectionWarning.VrrpDiffers), (slower.Host, slower.Warning));
    }

    [Fact]
    public void OurOwnAdvertisementIsNotAPeer()
    {
        var host = Add(Options());
        var frame = new byte[VrrpFrame.MaxLength];
        var length = host.WriteFrame(frame, false, host.VirtualMac, Low, CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4, resign: false);
        var payload = frame[34..length];
        Assert.Null(Hear(_segment, payload, Low, At(1)).Host);
        Assert.Equal(1, host.Counters[VrrpRejection.OwnLoopback]);
        length = host.WriteFrame(frame, false, host.VirtualMac, Low, CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4, resign: true);
        Assert.True(VrrpAdvertisement.TryView(frame.AsSpan(34..length), false, out var view));
        Assert.Equal(0, view.Priority);
    }

    [Fact]
    public void UnicastTakesOnlyItsPeersAndDoesNotLookAtTheirTtl()
    {
        var host = Add(Options() with { Peers = [Middle] });
        Assert.Same(host, Hear(_segment, Advert(Options(200), Middle), Middle, At(1), ttl: 60).Host);
        Assert.Null(Hear(_segment, Advert(Options(200), High), High, At(1)).Host);
        Assert.Equal(1, host.Counters[VrrpRejection.UnknownPeer]);
    }

    [Fact]
    public void OtherAddressesAreAWarningAndOtherOrderIsNone()
    {
        var two = Options() with { Addresses = [new(0, 0x0a0000fe), new(0, 0x0a0000fd)] };
        Add(two);
        var swapped = two with { Addresses = [.. two.Addresses.Reverse()] };
        Assert.Equal(ElectionWarning.None, Hear(_segment, Advert(swapped, High, 200), High, At(1)).Warning);
        var other = Hear(_segment, Advert(Options(200), High), High, At(1));
        Assert.Equal(ElectionWarning.VrrpOtherAddresses, other.Warning);
        Assert.NotNull(other.Host);
    }

    [Fact]
    public void CarpWithOurVridIsAWarningAndSilencesNobody()
    {
        var host = Add(Options());
        host.Machine.OnTurn(host.Machine.Deadline);
        var carp = Carp.Bench.Advert(Carp.Bench.Host(Carp.Bench.Options()), High);
        var sent = 0;
        for (var i = 0; i < 100; i++)
        {
            var now = At(4 + (i * 0.1));
            var receipt = Hear(_segment, carp, High, now);
            Assert.Equal((null, CarpActions.None, ElectionWarning.CarpWithOurVrid), (receipt.Host, receipt.Actions, receipt.Warning));
            if (now >= host.Machine.Deadline && host.Machine.OnTurn(now).HasFlag(CarpActions.Advertise))
                sent++;
        }
        Assert.InRange(sent, 8, 10);
        // Another id is nobody's business.
        carp[1] = 43;
        Assert.Equal(ElectionWarning.None, Hear(_segment, carp, High, At(20)).Warning);
    }

    [Fact]
    public void VrrpWithOurVhidIsAWarningAndTouchesNoTimer()
    {
        var carp = Carp.Bench.Host(Carp.Bench.Options());
        _segment.Add(carp);
        carp.Machine.OnReady(At(0));
        var receipt = Hear(_segment, Advert(Options(255), High), High, At(1));
        Assert.Equal((null, ElectionWarning.VrrpWithOurVhid), (receipt.Host, receipt.Warning));
        Assert.Equal(At(3), carp.Machine.Deadline);
    }

    [Fact]
    public void NoBytesMakeItThrowAndFewAreHeard()
    {
        Add(Options());
        Add(Options() with { IsIPv6 = true, Addresses = [new(0xfe80_0000_0000_0000, 7)] });
        Seeds.ForEach(
            1,
            seed =>
            {
                var random = new Random(seed);
                var good = Advert(Options(200), High);
                for (var i = 0; i < 50_000; i++)
                {
                    var bytes = random.Next(2) == 0 ? (byte[])good.Clone() : new byte[random.Next(0, 120)];
                    if (bytes.Length != good.Length)
                        random.NextBytes(bytes);
                    for (var flips = random.Next(1, 4); flips > 0 && bytes.Length > 0; flips--)
                        bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                    if (bytes.Length > 1)
                        bytes[1] = 42;
                    var receipt = Hear(_segment, bytes, High, At(1), ipv6: random.Next(2) == 0);
                    if (receipt.Host is not null && !bytes.AsSpan().SequenceEqual(good))
                        Assert.True(
                            VrrpAdvertisement.TryView(bytes, false, out var view) && view.ChecksumIsRight(High, CarpFrame.GroupIPv4)
                        );
                }
            }
        );
    }

    [Fact]
    public void OptionsSayEverythingThatIsWrong()
    {
        Assert.Empty(Options().Validate());
        var wrong = Options() with { Vrid = 0, Priority = 0, Interval = TimeSpan.FromMilliseconds(15), DownAdverts = 0 };
        Assert.Equal(4, wrong.Validate().Count());
        Assert.Contains(
            Options(version: 2) with { Interval = TimeSpan.FromSeconds(0.5) } is var two ? two.Validate() : [],
            m => m.StartsWith("interval", StringComparison.Ordinal)
        );
        Assert.Single((Options(version: 2) with { IsIPv6 = true }).Validate());
    }
}
