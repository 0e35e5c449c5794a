using System.Net;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Netlink;

namespace Redoubt.Tests.Conntrack;

/// <summary>What the kernel wrote (test/vectors/conntrack) must be read as what was done.</summary>
public class ConntrackVectorTests
{
    private const uint Confirmed = ConntrackEntry.StatusConfirmed;
    private const uint Answered = Confirmed | ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
    private const uint NatDone = 0x180;

    [Fact]
    public void A_tcp_entry_with_a_mark()
    {
        var entry = Read("dump-tcp4", out var fields);

        Assert.Equal(Tuple(6, "10.1.2.3", 40000, "192.0.2.9", 443), entry.Original);
        Assert.Equal(Tuple(6, "192.0.2.9", 443, "10.1.2.3", 40000), entry.Reply);
        Assert.Equal(Answered, entry.Status & ~NatDone);
        Assert.InRange(entry.TimeoutSeconds, 431_990u, 432_000u);
        Assert.Equal(0x2au, entry.Mark);
        Assert.NotEqual(0u, entry.KernelId);
        Assert.Equal(3, entry.TcpState);
        Assert.True(entry.HasTcp);
        // The conntrack tool makes its entries liberal, and says nothing of it.
        Assert.Equal(ConntrackEntry.TcpFlagBeLiberal, entry.TcpFlagsOriginal & ConntrackEntry.TcpFlagBeLiberal);
        Assert.Equal(EntryParts.Status | EntryParts.Timeout | EntryParts.Mark | EntryParts.Id | EntryParts.Tcp, fields);
        Assert.False(entry.HasSourceNat);
    }

    [Fact]
    public void Source_translation_shows_in_the_reply()
    {
        var entry = Read("dump-tcp4-snat", out _);

        Assert.Equal(Tuple(6, "192.0.2.9", 443, "198.51.100.1", 61000), entry.Reply);
        Assert.Equal(ConntrackEntry.StatusSourceNat, entry.Status & (ConntrackEntry.StatusSourceNat | ConntrackEntry.StatusDestinationNat));
        Assert.True(entry.HasSourceNat);
        Assert.False(entry.HasDestinationNat);
    }

    [Fact]
    public void Destination_translation_of_ipv6()
    {
        var entry = Read("dump-udp6-dnat", out _);

        Assert.Equal(Tuple(17, "2001:db8::1", 5353, "2001:db8::2", 53), entry.Original);
        Assert.Equal(Tuple(17, "2001:db8:9::9", 1053, "2001:db8::1", 5353), entry.Reply);
        Assert.True(entry.HasDestinationNat);
        Assert.False(entry.HasSourceNat);
        Assert.False(entry.HasTcp);
    }

    [Fact]
    public void Icmp_has_an_identifier_a_type_and_a_code()
    {
        var entry = Read("dump-icmp4", out _);

        Assert.Equal(Tuple(1, "10.1.2.3", 4660, "192.0.2.9", 8 << 8), entry.Original);
        Assert.Equal(Tuple(1, "192.0.2.9", 4660, "10.1.2.3", 0), entry.Reply);
        Assert.Equal(entry.Reply, ConntrackMessage.Mirror(entry.Original));
    }

    [Fact]
    public void Icmp6_likewise()
    {
        var entry = Read("event-new-icmp6", out _);

        Assert.Equal(Tuple(58, "::1", 4660, "::1", 128 << 8), entry.Original);
        Assert.Equal(Tuple(58, "::1", 4660, "::1", 129 << 8), entry.Reply);
        Assert.Equal(entry.Reply, ConntrackMessage.Mirror(entry.Original));
    }

    [Fact]
    public void A_zone_holds_for_both_directions()
    {
        var entry = Read("dump-udp4-zone", out var fields);

        Assert.Equal((7, 7), (entry.Original.Zone, entry.Reply.Zone));
        Assert.True(fields.HasFlag(EntryParts.Zone));
    }

    [Fact]
    public void Unless_it_holds_for_one()
    {
        var entry = Read("dump-udp4-zone-orig", out var fields);

        Assert.Equal((7, 0), (entry.Original.Zone, entry.Reply.Zone));
        Assert.True(fields.HasFlag(EntryParts.Zone));
    }

    [Fact]
    public void Gre_has_keys_where_others_have_ports()
    {
        var entry = Read("dump-gre4", out _);

        Assert.Equal(Tuple(47, "10.1.2.3", 17, "192.0.2.9", 34), entry.Original);
    }

    [Fact]
    public void A_protocol_without_ports_has_none()
    {
        var entry = Read("dump-esp4", out _);

        Assert.Equal(Tuple(50, "10.1.2.3", 0, "192.0.2.9", 0), entry.Original);
        Assert.Equal(Tuple(50, "192.0.2.9", 0, "10.1.2.3", 0), entry.Reply);
    }

    [Theory]
    [InlineData("event-new-tcp4", 0x600, 1, 10, 0, 0x03, 0x00)]
    [InlineData("event-update-tcp4-syn-recv", 0, 2, 10, 10, 0x03, 0x23)]
    [InlineData("event-update-tcp4-established", 0, 3, 10, 10, 0x23, 0x23)]
    public void A_handshake_is_followed(string name, int flags, byte state, byte scale, byte scaleReply, byte tcpFlags, byte tcpFlagsReply)
    {
        var entry = Read(name, out var fields, out var message);

        Assert.Equal(flags, (int)message.Flags);
        Assert.Equal(0u, message.Port);
        Assert.Equal((state, scale, scaleReply), (entry.TcpState, entry.WindowScaleOriginal, entry.WindowScaleReply));
        Assert.Equal((tcpFlags, tcpFlagsReply & 0xef), (entry.TcpFlagsOriginal, entry.TcpFlagsReply & 0xef));
        Assert.True(fields.HasFlag(EntryParts.Tcp));
        Assert.False(fields.HasFlag(EntryParts.Mark));
    }

    [Fact]
    public void A_destroyed_entry_names_who_asked_for_it()
    {
        var entry = Read("event-destroy-tcp4", out var fields, out var message);

        Assert.NotEqual(0u, message.Port);
        Assert.Equal(ConntrackEntry.StatusDying, entry.Status & ConntrackEntry.StatusDying);
        Assert.True(fields.HasFlag(EntryParts.Id));
        Assert.Equal(Tuple(6, "127.0.0.1", 40001, "127.0.0.1", 8080), entry.Original);
    }

    [Fact]
    public void A_recording_cut_short_is_refused_or_says_less_but_nothing_else()
    {
        var recordings = Recordings();
        Assert.True(recordings.Length >= 13);
        foreach (var bytes in recordings)
        {
            Assert.True(ConntrackMessage.TryReadBody(bytes.AsSpan(16), out var whole, out var all));
            var refused = 0;
            for (var length = 16; length < bytes.Length; length++)
            {
                if (!ConntrackMessage.TryReadBody(bytes.AsSpan(16, length - 16), out var cut, out var fields))
                {
                    refused++;
                    continue;
                }
                Assert.Equal(EntryParts.None, fields & ~all);
                // A zone stands behind the tuples: what was cut before it is the same entry without a zone.
                Assert.Equal(whole.Original with { Zone = 0 }, cut.Original with { Zone = 0 });
                Assert.Equal(whole.Reply with { Zone = 0 }, cut.Reply with { Zone = 0 });
            }
            Assert.True(refused > 100);
        }
    }

    internal static ConntrackTuple Tuple(byte protocol, string source, ushort sourcePort, string destination, ushort destinationPort) =>
        new()
        {
            Family = source.Contains(':', StringComparison.Ordinal) ? (byte)10 : (byte)2,
            Protocol = protocol,
            Source = IpAddressValue.From(IPAddress.Parse(source)),
            Destination = IpAddressValue.From(IPAddress.Parse(destination)),
            SourcePort = sourcePort,
            DestinationPort = destinationPort,
        };

    internal static byte[][] Recordings() => [.. System.IO.Directory.GetFiles(Directory(), "*.hex").Order().Select(Bytes)];

    private static ConntrackEntry Read(string name, out EntryParts fields) => Read(name, out fields, out _);

    private static ConntrackEntry Read(string name, out EntryParts fields, out NetlinkMessage message)
    {
        var messages = new NetlinkMessages(Bytes(Path.Combine(Directory(), name + ".hex")));
        Assert.True(messages.MoveNext());
        message = messages.Current;
        Assert.True(ConntrackMessage.TryRead(message, out var entry, out fields));
        return entry;
    }

    private static byte[] Bytes(string file) =>
        Convert.FromHexString(string.Concat(File.ReadLines(file).Where(line => !line.StartsWith('#')).Select(line => line.Trim())));

    private static string Directory()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var folder = Path.Combine(at.FullName, "test", "vectors", "conntrack");
            if (System.IO.Directory.Exists(folder))
                return folder;
        }
        throw new DirectoryNotFoundException("test/vectors/conntrack");
    }
}
