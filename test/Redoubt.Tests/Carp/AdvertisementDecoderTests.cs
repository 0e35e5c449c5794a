using Redoubt.Core;
using Redoubt.Core.Carp;
using static Redoubt.Tests.Carp.Bench;

namespace Redoubt.Tests.Carp;

public class AdvertisementDecoderTests
{
    private static readonly DecoderOptions _love = new() { Key = "love", IPv4Addresses = [new IpAddressValue(0, 0x0a0000fe)] };

    [Fact]
    public void AFrameAPacketAndAPayloadDecodeAlike()
    {
        var frame = new byte[CarpFrame.MaxLength];
        var length = CarpFrame.Write(frame, Host(Options()), false, default, NodeA, CarpFrame.GroupIPv4, default, 1, 9, 0);
        foreach (var bytes in new[] { frame[..length], frame[14..length], frame[34..length] })
        {
            var decoded = AdvertisementDecoder.Decode(bytes, _love);
            Assert.Equal(("carp", true, "accepted"), (decoded.Protocol, decoded.IsValid, decoded.Verdict));
            Assert.Contains(new DecodedField("advskew", "9"), decoded.Fields);
        }
        Assert.Equal("badauth", AdvertisementDecoder.Decode(frame.AsSpan(0, length), _love with { Key = "hate" }).Verdict);
        Assert.Equal("accepted, digest not checked", AdvertisementDecoder.Decode(frame.AsSpan(0, length), new DecoderOptions()).Verdict);
        Assert.Equal("badttl", AdvertisementDecoder.Decode(frame.AsSpan(34..length), _love with { Ttl = 64 }).Verdict);
    }

    [Theory]
    [InlineData("210100", "carp", "badlen")]
    [InlineData("45c0002000070000ff70188bc0000209e0000012312ac8010064a172c0000264", "vrrp3", "accepted")]
    [InlineData("45c0002000070000ff70188bc0000209e0000012312ac8010064a173c0000264", "vrrp3", "bad checksum")]
    [InlineData("45c0002800070000fe701983c0000209e0000012212ac8010001546ec00002640000000000000000", "vrrp2", "bad TTL")]
    [InlineData("45c0002800070000ff701883c0000209e0000012212a000100011c6fc00002640000000000000000", "vrrp2", "accepted: the master leaves")]
    [InlineData("45c0002c00070000ff70187fc0000209e0000012212ac8010001546ec0000264000000000000000000000000", "carp", "bad")]
    public void KnownPacketsAreCalledByTheirNames(string hex, string protocol, string verdict)
    {
        var decoded = AdvertisementDecoder.Decode(Convert.FromHexString(hex), new DecoderOptions());
        Assert.Equal(protocol, decoded.Protocol);
        Assert.StartsWith(verdict, decoded.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryFrameOfEveryCaptureIsDecoded()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Redoubt.slnx")))
            folder = folder.Parent;
        var counts = new Dictionary<string, int>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(folder.FullName, "test", "vectors", "carp", "pcap"), "*.pcap"))
        {
            Assert.True(PcapFile.TryOpen(File.ReadAllBytes(file), out var pcap));
            Assert.Equal(PcapFile.LinkEthernet, pcap.LinkType);
            while (pcap.MoveNext())
            {
                var protocol = AdvertisementDecoder.Decode(pcap.Packet, new DecoderOptions()).Protocol;
                counts[protocol] = counts.GetValueOrDefault(protocol) + 1;
            }
            Assert.False(pcap.IsDamaged);
        }
        Assert.Equal(["carp", "other", "vrrp2", "vrrp3"], counts.Keys.Order());
    }

    [Fact]
    public void ACutCaptureIsDamagedAndNoiseIsNone()
    {
        byte[] file = [0xd4, 0xc3, 0xb2, 0xa1, .. new byte[16], 1, 0, 0, 0, .. new byte[8], 255, 255, 255, 127, 0, 0, 0, 0];
        Assert.True(PcapFile.TryOpen(file, out var pcap));
        Assert.False(pcap.MoveNext());
        Assert.True(pcap.IsDamaged);
        Assert.False(PcapFile.TryOpen(new byte[40], out _));
    }

    [Fact]
    public void NoBytesMakeTheDecoderThrow()
    {
        Seeds.ForEach(
            1,
            seed =>
            {
                var random = new Random(seed);
                byte[] starts = [0x21, 0x31, 0x45, 0x46, 0x60, 0x01, 0x33];
                for (var i = 0; i < 50_000; i++)
                {
                    var bytes = new byte[random.Next(0, 120)];
                    random.NextBytes(bytes);
                    if (bytes.Length > 20)
                        (bytes[0], bytes[9]) = (starts[random.Next(starts.Length)], random.Next(2) == 0 ? (byte)112 : bytes[9]);
                    Assert.NotEmpty(AdvertisementDecoder.Decode(bytes, _love with { IsIPv6 = random.Next(2) == 0 }).Verdict);
                }
            }
        );
    }
}
