using Redoubt.Core;
using Redoubt.Core.Carp;

namespace Redoubt.Tests.Carp;

/// <summary>Two nodes of one virtual host, and the bytes between them.</summary>
internal static class Bench
{
    public static readonly IpAddressValue NodeA = new(0, 0x0a000001);
    public static readonly IpAddressValue NodeB = new(0, 0x0a000002);

    public static CarpHostOptions Options(byte advSkew = 0, bool preempt = true, bool ipv6 = false) =>
        new()
        {
            Vhid = 42,
            AdvSkew = advSkew,
            Preempt = preempt,
            Password = "love",
            IPv4Addresses = [new IpAddressValue(0, 0x0a0000fe)],
            IPv6Addresses = ipv6 ? [new IpAddressValue(0x2001_0db8_0000_0000, 1)] : [],
        };

    public static Instant At(double seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    public static CarpVirtualHost Host(CarpHostOptions options, ulong counter = 1000) => new(options, () => counter++);

    public static byte[] Advert(CarpVirtualHost host, IpAddressValue source, byte advBase = 1, byte advSkew = 0, bool ipv6 = false)
    {
        var frame = new byte[CarpFrame.MaxLength];
        var group = ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4;
        var length = CarpFrame.Write(frame, host, ipv6, default, source, group, default, advBase, advSkew, 0);
        return frame[(length - CarpAdvertisement.Length)..length];
    }

    public static CarpReceipt Hear(CarpSegment segment, byte[] payload, IpAddressValue source, Instant now, int ttl = 255) =>
        segment.Receive(payload, false, source, CarpFrame.GroupIPv4, ttl, now);
}
