using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;

namespace Redoubt.Tests.Vrrp;

/// <summary>A virtual router and the bytes its peers send.</summary>
internal static class Bench
{
    public const CarpActions TakeOver = CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce;

    public static readonly IpAddressValue Low = new(0, 0x0a000001);
    public static readonly IpAddressValue Middle = new(0, 0x0a000002);
    public static readonly IpAddressValue High = new(0, 0x0a000003);

    public static VrrpHostOptions Options(byte priority = 100, byte version = 3) =>
        new()
        {
            Vrid = 42,
            Version = version,
            Priority = priority,
            Addresses = [new IpAddressValue(0, 0x0a0000fe)],
        };

    public static Instant At(double seconds) => Instant.Zero + TimeSpan.FromSeconds(seconds);

    public static VrrpStateMachine Backup(VrrpHostOptions? options = null)
    {
        var machine = new VrrpStateMachine(options ?? Options());
        machine.OnReady(At(0));
        return machine;
    }

    public static VrrpStateMachine Master(VrrpHostOptions? options = null)
    {
        var machine = Backup(options);
        machine.OnTurn(machine.Deadline);
        Assert.Equal(CarpState.Master, machine.State);
        return machine;
    }

    public static VrrpPeerAdvertisement Heard(byte priority, IpAddressValue? source = null, double interval = 1, bool winsTie = false) =>
        new(priority, TimeSpan.FromSeconds(interval), source ?? High, winsTie);

    /// <summary>The message a router with these options sends from an address.</summary>
    public static byte[] Advert(VrrpHostOptions options, IpAddressValue source, byte? priority = null)
    {
        var message = new byte[VrrpFrame.MaxLength];
        var length = new VrrpVirtualHost(options).WriteMessage(message, priority ?? options.Priority, source, Group(options.IsIPv6));
        return message[..length];
    }

    public static IpAddressValue Group(bool ipv6) => ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4;

    public static ElectionReceipt Hear(
        ElectionSegment segment,
        byte[] payload,
        IpAddressValue source,
        Instant now,
        int ttl = 255,
        bool ipv6 = false
    ) => segment.Receive(payload, ipv6, source, Group(ipv6), ttl, now);
}
