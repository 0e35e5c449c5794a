using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Redoubt.Core;
using Redoubt.Linux.Links;
using Redoubt.Linux.Netlink;

namespace Redoubt.Tests.Netlink;

public class RouteMessageTests
{
    private const int Rounds = 100_000;
    private static readonly TimeSpan _budget = TimeSpan.FromSeconds(2);

    [Fact]
    public void A_link_is_understood()
    {
        Assert.True(RouteMessage.TryReadLink(new NetlinkMessage(LinkMessage()), out var link));
        Assert.Equal(
            new LinkInfo
            {
                Index = 9,
                Name = "rd7.42",
                ParentIndex = 7,
                IsUp = true,
                IsRunning = true,
                Mtu = 1500,
                Mac = MacAddress.Virtual(42),
                Kind = "macvlan",
                MacvlanMode = RouteMessage.MacvlanBridge,
            },
            link
        );
    }

    [Fact]
    public void Running_without_up_does_not_count_and_a_long_hardware_address_is_none()
    {
        var writer = new NetlinkWriter(new byte[256]);
        writer.BeginMessage(RouteMessage.NewLink, NetlinkFlags.None, 0);
        MemoryMarshal.Write(writer.Reserve(16)[8..], RouteMessage.FlagRunning);
        writer.PutSpace(1, 20).Fill(0xff); // InfiniBand
        Assert.True(RouteMessage.TryReadLink(new NetlinkMessage(writer.Finish()), out var link));
        Assert.False(link.IsRunning);
        Assert.Equal((default, "", ""), (link.Mac, link.Name, link.Kind));
    }

    [Theory]
    [InlineData(false, "10.0.0.1")]
    [InlineData(true, "fe80::1")]
    public void An_address_is_understood(bool ipv6, string text)
    {
        var value = IpAddressValue.From(IPAddress.Parse(text));
        Assert.True(RouteMessage.TryReadAddress(new NetlinkMessage(AddressMessage(value, ipv6)), out var address));
        Assert.Equal((9, value, ipv6, 24), (address.InterfaceIndex, address.Address, address.IsIPv6, address.PrefixLength));
        Assert.Equal((RouteMessage.Protocol, 0x242u), (address.Protocol, address.Flags));
        Assert.True(address.IsTentative);
        Assert.Equal(ipv6, address.IsLinkLocal);
    }

    [Fact]
    public void On_a_point_to_point_link_the_local_address_is_ours_and_not_the_peers()
    {
        var writer = new NetlinkWriter(new byte[256]);
        writer.BeginMessage(RouteMessage.NewAddress, NetlinkFlags.None, 0);
        writer.Reserve(8)[0] = 2;
        writer.Put(2, [10, 0, 0, 1]);
        writer.Put(1, [10, 0, 0, 2]);
        Assert.True(RouteMessage.TryReadAddress(new NetlinkMessage(writer.Finish()), out var address));
        Assert.Equal(0x0a000001ul, address.Address.Low);
    }

    [Theory]
    [InlineData(2, 16)] // an IPv6 value in a message that says IPv4
    [InlineData(10, 4)]
    [InlineData(2, 3)]
    [InlineData(7, 4)] // AF_BRIDGE
    public void An_address_whose_length_is_not_its_familys_is_refused(byte family, int length)
    {
        var writer = new NetlinkWriter(new byte[256]);
        writer.BeginMessage(RouteMessage.NewAddress, NetlinkFlags.None, 0);
        writer.Reserve(8)[0] = family;
        writer.PutSpace(1, length);
        writer.PutSpace(2, length);
        Assert.False(RouteMessage.TryReadAddress(new NetlinkMessage(writer.Finish()), out _));
    }

    [Fact]
    public void Cut_and_flipped_and_random_messages_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(Seeds.Only ?? 1);
        byte[][] samples = [LinkMessage(), AddressMessage(new IpAddressValue(0, 1), false), AddressMessage(new IpAddressValue(1, 1), true)];
        var scratch = new byte[256];
        var clock = Stopwatch.StartNew();
        var (read, refused) = (0, 0);
        for (var i = 0; i < Rounds; i++)
        {
            var sample = samples[i % samples.Length];
            var bytes = scratch.AsSpan(0, sample.Length);
            sample.CopyTo(bytes);
            if (i % 10 == 0)
                random.NextBytes(bytes[16..]);
            for (var flips = random.Next(6); flips > 0; flips--)
                bytes[random.Next(4, bytes.Length)] ^= (byte)(1 << random.Next(8));
            if (i % 4 == 0)
            {
                bytes = bytes[..random.Next(16, bytes.Length + 1)];
                MemoryMarshal.Write(bytes, (uint)bytes.Length);
            }
            foreach (var message in new NetlinkMessages(bytes))
            {
                var link = RouteMessage.TryReadLink(message, out var l);
                var address = RouteMessage.TryReadAddress(message, out var a);
                Assert.True(!link || (l.Name.Length <= bytes.Length && l.Kind.Length <= bytes.Length));
                Assert.True(address || a == default);
                _ = VirtualMacDevice.IsOurs(new LinkInfo { Name = l.Name ?? "", Kind = "macvlan" });
                _ = link || address ? read++ : refused++;
            }
        }
        Assert.True(clock.Elapsed < _budget, $"{Rounds} messages took {clock.Elapsed}");
        Assert.True(read > Rounds / 2 && refused > Rounds / 100, $"{read} read, {refused} refused: the samples no longer test both ways");
    }

    [Theory]
    [InlineData("rd7.42", true)]
    [InlineData("rd123.255", true)]
    [InlineData("rd7-42", true)] // of VRRP for IPv6
    [InlineData("rd7-0", false)]
    [InlineData("rd7-.42", false)]
    [InlineData("rd7.0", false)] // no vhid 0
    [InlineData("rd7.256", false)]
    [InlineData("rd07.42", false)] // never written so
    [InlineData("rd7.042", false)]
    [InlineData("rd.42", false)]
    [InlineData("rd7.", false)]
    [InlineData("rd-7.42", false)]
    [InlineData("rd7.42.1", false)]
    [InlineData("rd99999999999.1", false)]
    [InlineData("xrd7.42", false)]
    [InlineData("rd", false)]
    [InlineData("", false)]
    public void Only_names_that_we_would_give_are_ours(string name, bool ours)
    {
        Assert.Equal(ours, VirtualMacDevice.IsOurName(name));
        Assert.Equal(ours, VirtualMacDevice.IsOurs(new LinkInfo { Name = name, Kind = "macvlan" }));
        Assert.False(VirtualMacDevice.IsOurs(new LinkInfo { Name = name, Kind = "veth" }));
    }

    [Fact]
    public void Every_name_we_give_fits_the_kernels_15_characters_and_is_recognised()
    {
        for (var vhid = 1; vhid <= 255; vhid++)
        {
            var name = VirtualMacDevice.Name(999_999_999, (byte)vhid);
            Assert.InRange(name.Length, 1, 15);
            Assert.True(VirtualMacDevice.IsOurName(name));
        }
    }

    private static byte[] LinkMessage()
    {
        var writer = new NetlinkWriter(new byte[256]);
        writer.BeginMessage(RouteMessage.NewLink, NetlinkFlags.None, 0);
        var header = writer.Reserve(RouteMessage.LinkHeader);
        MemoryMarshal.Write(header[4..], 9);
        MemoryMarshal.Write(header[8..], RouteMessage.FlagUp | RouteMessage.FlagRunning);
        writer.PutString(3, "rd7.42");
        writer.PutUInt32(4, 1500);
        writer.PutUInt32(5, 7);
        MacAddress.Virtual(42).Write(writer.PutSpace(1, 6));
        var info = writer.BeginNest(18);
        writer.PutString(1, "macvlan");
        var data = writer.BeginNest(2);
        writer.PutUInt32(1, 4);
        writer.EndNest(data);
        writer.EndNest(info);
        return writer.Finish().ToArray();
    }

    private static byte[] AddressMessage(IpAddressValue address, bool ipv6)
    {
        var writer = new NetlinkWriter(new byte[256]);
        writer.BeginMessage(RouteMessage.NewAddress, NetlinkFlags.None, 0);
        var header = writer.Reserve(RouteMessage.AddressHeader);
        header[0] = ipv6 ? (byte)10 : (byte)2;
        header[1] = 24;
        MemoryMarshal.Write(header[4..], 9);
        address.Write(writer.PutSpace(1, ipv6 ? 16 : 4));
        writer.PutUInt32(8, 0x242); // nodad, tentative, noprefixroute
        writer.PutByte(11, RouteMessage.Protocol);
        return writer.Finish().ToArray();
    }
}
