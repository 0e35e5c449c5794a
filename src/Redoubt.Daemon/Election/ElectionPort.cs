using Redoubt.Core;
using Redoubt.Core.Failover;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.Election;

/// <summary>One interface that carries vhids: its sockets, its link, the addresses its advertisements come from. Owned by the election thread.</summary>
internal sealed class ElectionPort : IDisposable
{
    private const int EthernetLength = 14;

    private readonly PacketSender _sender;
    private UnicastSender? _unicastIPv4;
    private UnicastSender? _unicastIPv6;
    private Core.Configuration.AddressPrefix? _firstIPv4;
    private Core.Configuration.AddressPrefix? _firstIPv6;
    private readonly HashSet<(IpAddressValue, bool)> _onDevice = []; // virtual addresses that stand on the device itself

    public ElectionPort(string name, LinkInfo link, bool ipv4, bool ipv6)
    {
        Name = name;
        Link = link;
        _sender = new PacketSender(link.Index);
        IPv4 = ipv4 ? new RawSocket(link.Index, link.Name, ipv6: false) : null;
        IPv6 = ipv6 ? new RawSocket(link.Index, link.Name, ipv6: true) : null;
    }

    /// <summary>Logical name: lan, wan, optN.</summary>
    public string Name { get; }

    /// <summary>The device as last heard of.</summary>
    public LinkInfo Link { get; set; }

    public bool IsGone { get; set; }

    /// <summary>Up, with carrier, there, and not coming and going.</summary>
    public bool IsUsable => Damping.IsUsable;

    /// <summary>What the carrier is worth; fed by <see cref="ElectionLoop"/>.</summary>
    public LinkDamping Damping { get; } = new();

    /// <summary>Takes over what <see cref="Link"/> and <see cref="IsGone"/> say.</summary>
    public void NoteCarrier(Instant now) => Damping.OnCarrier(Link.IsRunning && !IsGone, now);

    public ElectionSegment Segment { get; } = new();

    public RawSocket? IPv4 { get; }

    public RawSocket? IPv6 { get; }

    public int SlotIPv4 { get; set; } = -1;

    public int SlotIPv6 { get; set; } = -1;

    /// <summary>The node's own addresses on the device, from the kernel.</summary>
    public IReadOnlyList<AddressInfo> Addresses { get; private set; } = [];

    /// <summary>When the demotion for the link that came back ends.</summary>
    public Instant ForgivenAt { get; set; } = Instant.Never;

    /// <summary>What the kernel said to the last frame that it did not take.</summary>
    public Errno LastSendError { get; private set; }

    /// <summary>The alarms raised about foreign or wrongly keyed neighbours; at most one for each vhid.</summary>
    public HashSet<string> Alarms { get; } = [];

    /// <summary>When these alarms end.</summary>
    public Instant QuietAt { get; set; } = Instant.Never;

    public void SetAddresses(IEnumerable<AddressInfo> addresses) =>
        Addresses = [
            .. addresses.Where(a =>
                a.InterfaceIndex == Link.Index
                && a.Protocol != RouteMessage.Protocol
                && !a.IsTentative
                && !_onDevice.Contains((a.Address, a.IsIPv6))
            ),
        ];

    /// <summary>
    /// Where advertisements come from: IPv4 an address in the network of the virtual one, else any, else the virtual address
    /// itself; IPv6 the link-local address, without which none can be sent.
    /// </summary>
    public bool TryGetSource(bool ipv6, in Core.Configuration.AddressPrefix virtualAddress, out IpAddressValue source)
    {
        source = ipv6 ? default : virtualAddress.Address;
        var found = !ipv6;
        foreach (var address in Addresses)
        {
            if (address.IsIPv6 != ipv6 || (ipv6 && !address.IsLinkLocal))
                continue;
            source = address.Address;
            found = true;
            var own = new Core.Configuration.AddressPrefix(address.Address, ipv6, address.PrefixLength);
            if (ipv6 || virtualAddress.Network.Contains(own.Host))
                break;
        }
        return found;
    }

    /// <summary>
    /// Whether one of the node's own addresses on the device leads to a network. A secondary one, which came after a virtual address of its network, brings no route.
    /// </summary>
    public bool Reaches(Core.Configuration.AddressPrefix network)
    {
        foreach (var address in Addresses)
        {
            var own = new Core.Configuration.AddressPrefix(address.Address, address.IsIPv6, address.PrefixLength);
            if (own.Network.Contains(network) && !address.IsSecondary)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Where this port's advertisements come from, default where a family has none: one source for all its vhids, so that peers know whose they are.
    /// </summary>
    public void GetAdvertisingSources(out IpAddressValue ipv4, out IpAddressValue ipv6)
    {
        (ipv4, ipv6) = (default, default);
        if (First(ipv6: false) is { } first4)
            TryGetSource(ipv6: false, first4, out ipv4);
        if (First(ipv6: true) is { } first6)
            TryGetSource(ipv6: true, first6, out ipv6);
    }

    /// <summary>The first virtual address of a family on this port; null where there is none.</summary>
    public Core.Configuration.AddressPrefix? First(bool ipv6) => ipv6 ? _firstIPv6 : _firstIPv4;

    /// <summary>Tells the port of a vhid's addresses, and whether they stand on its device.</summary>
    public void AddVirtual(IEnumerable<Core.Configuration.AddressPrefix> addresses, bool onDevice)
    {
        foreach (var address in addresses)
        {
            if (onDevice)
                _onDevice.Add((address.Address, address.IsIPv6));
            if (address.IsIPv6)
                _firstIPv6 ??= address;
            else
                _firstIPv4 ??= address;
        }
    }

    /// <summary>Sends a frame whose failure says nothing about advertisements.</summary>
    public Errno SendHeartbeat(ReadOnlySpan<byte> frame, uint mark) => _sender.Send(frame, mark);

    /// <summary>Sends a frame; false where the kernel does not take it.</summary>
    public bool Send(ReadOnlySpan<byte> frame, uint mark)
    {
        var errno = _sender.Send(frame, mark);
        if (!errno.IsSuccess)
            LastSendError = errno;
        return errno.IsSuccess;
    }

    /// <summary>Sends the packet in a frame to a single host by the kernel's routes. One that cannot be reached is a loss, not a fault of this port.</summary>
    public bool SendTo(ReadOnlySpan<byte> frame, bool ipv6, IpAddressValue peer, uint mark)
    {
        var sender = ipv6
            ? _unicastIPv6 ??= new UnicastSender(Link.Index, Link.Name, ipv6: true)
            : _unicastIPv4 ??= new UnicastSender(Link.Index, Link.Name, ipv6: false);
        return sender.Send(frame[EthernetLength..], peer, mark).IsSuccess;
    }

    /// <summary>For a peer by a global IPv6 address: a global one of ours, in its network where there is one.</summary>
    public bool TryGetGlobalSource(IpAddressValue peer, out IpAddressValue source)
    {
        source = default;
        if (peer.High >> 54 == 0xfe80 >> 6)
            return false;
        foreach (var address in Addresses)
        {
            if (!address.IsIPv6 || address.IsLinkLocal)
                continue;
            source = address.Address;
            if (new Core.Configuration.AddressPrefix(source, true, address.PrefixLength).Network.Contains(new(peer, true, 128)))
                break;
        }
        return source != default;
    }

    public void Dispose()
    {
        _unicastIPv4?.Dispose();
        _unicastIPv6?.Dispose();
        _sender.Dispose();
        IPv4?.Dispose();
        IPv6?.Dispose();
    }
}
