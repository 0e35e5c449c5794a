using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Vrrp;

namespace Redoubt.Bench;

/// <summary>One VRRP advertisement.</summary>
public class VrrpBenchmarks
{
    private static readonly IpAddressValue _source = new(0, 0x0a00_000c);
    private readonly byte[] _version3 = Version3();

    /// <summary>Classification, view, checksum with pseudo header, the address: version 3, IPv4, one address.</summary>
    [Benchmark]
    public ulong Parse_version_3()
    {
        if (
            Protocol112.Classify(_version3, ipv6: false) != Protocol112Kind.Vrrp3
            || !VrrpAdvertisement.TryView(_version3, ipv6: false, out var heard)
            || !heard.ChecksumIsRight(_source, CarpFrame.GroupIPv4)
        )
            throw new InvalidOperationException("the advertisement is not read");
        return heard.Address(0).Low + heard.Priority + (ulong)heard.Interval.Ticks;
    }

    private static byte[] Version3()
    {
        byte[] bytes = [0x31, 42, 100, 1, 0, 100, 0, 0, 10, 0, 0, 1];
        var sum = InternetChecksum.PseudoHeader(ipv6: false, _source, CarpFrame.GroupIPv4, bytes.Length, CarpAdvertisement.Protocol);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), InternetChecksum.Finish(InternetChecksum.Add(sum, bytes)));
        return bytes;
    }
}
