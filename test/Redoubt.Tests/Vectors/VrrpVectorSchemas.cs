using System.Buffers.Binary;
using System.Text.Json;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;

namespace Redoubt.Tests.Vectors;

public abstract class VrrpVectorSchema : VectorSchema
{
    protected static VrrpHostOptions Options(JsonElement p, bool ipv6) =>
        new()
        {
            Version = Byte(p, "version"),
            Vrid = Byte(p, "vrid"),
            IsIPv6 = ipv6,
            Priority = Byte(p, "priority"),
            Interval = Interval(p),
            Addresses = Addresses(p, "vips"),
        };

    protected static TimeSpan Interval(JsonElement p) =>
        p.TryGetProperty("advert_int_s", out var seconds)
            ? TimeSpan.FromSeconds(seconds.GetInt32())
            : TimeSpan.FromMilliseconds(10 * p.GetProperty("advert_int_cs").GetInt32());
}

/// <summary>Adverts of keepalived: read by the view, decoded, and written by us byte for byte.</summary>
public sealed class VrrpAdvertSchema : VrrpVectorSchema
{
    public override string Name => "vrrp-advert-1";

    public override void Run(JsonElement vector)
    {
        var p = vector.GetProperty("params");
        var ipv6 = Text(vector, "packet_family") == "ipv6";
        var payload = Hex(vector, "vrrp_payload_hex");
        var version = Byte(p, "version");
        Assert.Equal(version == 2 ? Protocol112Kind.Vrrp2 : Protocol112Kind.Vrrp3, Protocol112.Classify(payload, ipv6));
        Assert.True(VrrpAdvertisement.TryView(payload, ipv6, out var view));
        Assert.Equal((version, Byte(p, "vrid"), Byte(p, "priority")), (view.Version, view.Vrid, view.Priority));
        var vips = Addresses(p, "vips");
        Assert.Equal(vips.Count, view.AddressCount);
        for (var i = 0; i < vips.Count; i++)
            Assert.Equal(vips[i], view.Address(i));
        Assert.Equal(Interval(p), view.Interval);
        if (version == 2)
        {
            Assert.Equal(Int(p, "auth_type", 0), view.AuthenticationType);
            Same(Hex(p, "auth_data_hex"), view.AuthenticationData);
        }
        var (source, destination) = (Address(Text(p, "src")), Address(Text(p, "dst")));
        var plain = Text(vector, "checksum_method").Contains("no pseudo header", StringComparison.Ordinal);
        Assert.True(plain ? view.ChecksumIsRightWithoutPseudoHeader : view.ChecksumIsRight(source, destination));

        var packet = Hex(vector, "ip_packet_hex");
        var decoded = AdvertisementDecoder.Decode(packet, new DecoderOptions());
        Assert.Equal($"vrrp{version}", decoded.Protocol);
        Assert.Equal(
            plain && version == 3 ? "bad checksum"
                : view.Priority == 0 ? "accepted: the master leaves"
                : "accepted",
            decoded.Verdict
        );
        WriteTheSame(vector, p, packet, payload, plain && version == 3);
    }

    private static void WriteTheSame(JsonElement vector, JsonElement p, byte[] packet, byte[] payload, bool plain)
    {
        var ipv6 = Text(vector, "packet_family") == "ipv6";
        var host = new VrrpVirtualHost(
            Options(p, ipv6) with
            {
                Priority = Math.Max(Byte(p, "priority"), (byte)1),
                Checksum = plain ? VrrpChecksum.WithoutPseudoHeader : VrrpChecksum.WithPseudoHeader,
                Password = Int(p, "auth_type", 0) == 1 ? System.Text.Encoding.UTF8.GetString(Hex(p, "auth_data_hex")).TrimEnd('\0') : "",
            }
        );
        var frame = new byte[VrrpFrame.MaxLength];
        var hasFrame = vector.TryGetProperty("ethernet_frame_hex", out _);
        var expected = hasFrame ? Hex(vector, "ethernet_frame_hex") : [];
        var length = VrrpFrame.Write(
            frame,
            host,
            Byte(p, "priority"),
            hasFrame ? MacAddress.Read(expected.AsSpan(6)) : default,
            Address(Text(p, "src")),
            Address(Text(p, "dst")),
            hasFrame ? MacAddress.Read(expected) : default,
            ipv6 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(4))
        );
        if (Int(p, "auth_type", 0) == 2)
            return; // behind an authentication header, which we do not send
        if (ipv6)
            packet.AsSpan(1, 3).CopyTo(frame.AsSpan(15)); // the kernel's flow label; ours is 0
        Same(payload, frame.AsSpan(length - payload.Length, payload.Length));
        Same(packet, frame.AsSpan(14, length - 14));
        if (hasFrame)
            Same(expected, frame.AsSpan(0, length));
    }
}

/// <summary>Packets that were injected into a keepalived BACKUP, and its reaction: ours is the same, and what is refused moves no timer.</summary>
public sealed class VrrpReceiveSchema : VrrpVectorSchema
{
    public override string Name => "vrrp-receive-1";

    public override void Run(JsonElement vector)
    {
        var local = vector.GetProperty("local");
        var ipv6 = Text(vector, "packet_family") == "ipv6";
        var packet = Hex(vector, "ip_packet_hex");
        var header = ipv6 ? 40 : (packet[0] & 0xf) * 4;
        var (source, destination) = ipv6
            ? (IpAddressValue.Read(packet.AsSpan(8, 16)), IpAddressValue.Read(packet.AsSpan(24, 16)))
            : (IpAddressValue.Read(packet.AsSpan(12, 4)), IpAddressValue.Read(packet.AsSpan(16, 4)));
        var host = new VrrpVirtualHost(Options(local, ipv6));
        var segment = new ElectionSegment();
        segment.Add(host);
        host.Machine.OnReady(Instant.Zero);
        Assert.Equal("BACKUP", Text(local, "state"));
        var armed = host.Machine.Deadline;
        var now = Instant.Zero + TimeSpan.FromMilliseconds(700);

        var receipt = segment.Receive(packet.AsSpan(header), ipv6, source, destination, packet[ipv6 ? 7 : 8], now);
        Assert.Equal(CarpState.Backup, host.Machine.State);
        Assert.Equal(CarpActions.None, receipt.Actions);
        var priority = packet[header + 2];
        switch (Text(vector.GetProperty("expect"), "verdict"))
        {
            case "accept" or "accept-with-warning":
                Assert.Same(host, receipt.Host);
                var warned = receipt.Warning == ElectionWarning.VrrpOtherAddresses;
                Assert.Equal(Text(vector.GetProperty("expect"), "verdict") == "accept-with-warning", warned);
                var wait =
                    priority == 0
                        ? VrrpTimes.Skew(host.Options.Version, host.Options.Priority, host.Options.Interval)
                        : host.Machine.MasterDownTime;
                Assert.Equal(now + wait, host.Machine.Deadline);
                if (host.Options.Version == 3 && priority != 0)
                    Assert.Equal(
                        10 * (BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(header + 4)) & 0xfff),
                        host.Election.MasterInterval.TotalMilliseconds
                    );
                break;
            case "discard":
                Assert.Same(host, receipt.Host);
                Assert.Equal(armed, host.Machine.Deadline);
                break;
            case "drop" or "ignore":
                Assert.Null(receipt.Host);
                Assert.Equal(armed, host.Machine.Deadline);
                break;
            case var other:
                throw new InvalidDataException($"unknown verdict {other}");
        }
    }
}

public sealed class VrrpTimerSchema : VrrpVectorSchema
{
    public override string Name => "vrrp-timer-1";

    public override void Run(JsonElement vector)
    {
        var expect = vector.GetProperty("expect");
        var (version, priority, interval) = (Byte(vector, "version"), Byte(vector, "priority"), Interval(vector));
        var adverts = Byte(vector, "down_timer_adverts");
        Micro(expect, "skew_us", VrrpTimes.Skew(version, priority, interval));
        Micro(expect, "master_down_us", VrrpTimes.MasterDown(version, priority, interval, adverts));
        if (priority == VrrpHostOptions.OwnerPriority)
            return;
        var machine = new VrrpStateMachine(
            new VrrpHostOptions
            {
                Vrid = 1,
                Version = version,
                Priority = priority,
                Interval = interval,
                DownAdverts = adverts,
                Addresses = [Address("192.0.2.77")],
            }
        );
        machine.OnReady(Instant.Zero);
        Micro(expect, "master_down_us", machine.Deadline - Instant.Zero);
        Assert.Equal(CarpActions.None, machine.OnTurn(machine.Deadline - TimeSpan.FromMicroseconds(1)));
        Assert.Equal(CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce, machine.OnTurn(machine.Deadline));
        Assert.Equal(interval, machine.Deadline - machine.Since);
    }

    private static void Micro(JsonElement expect, string name, TimeSpan actual) =>
        Assert.Equal(expect.GetProperty(name).GetInt64(), actual.Ticks / TimeSpan.TicksPerMicrosecond);
}
