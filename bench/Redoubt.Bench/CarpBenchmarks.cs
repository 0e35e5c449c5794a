using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Redoubt.Core;
using Redoubt.Core.Carp;

namespace Redoubt.Bench;

/// <summary>One CARP advertisement; the digest grows with the addresses of the virtual host.</summary>
public class CarpBenchmarks
{
    private const byte Vhid = 42;
    private static readonly IpAddressValue _own = new(0, 0x0a00_000b);
    private static readonly IpAddressValue _peer = new(0, 0x0a00_000c);
    private static readonly Instant _now = Instant.Zero + TimeSpan.FromSeconds(10);
    private readonly byte[] _payload = new byte[CarpAdvertisement.Length];
    private readonly byte[] _written = new byte[CarpAdvertisement.Length];
    private readonly byte[] _digest = new byte[CarpAdvertisement.DigestLength];
    private readonly byte[] _frame = new byte[CarpFrame.MaxLength];
    private readonly CarpSegment _segment = new();
    private CarpAuthenticator _authenticator = null!;
    private CarpVirtualHost _host = null!;
    private bool _ipv6;
    private ulong _counter;

    /// <summary>Addresses of the virtual host.</summary>
    [Params("IPv4 x 1", "IPv4 x 20", "IPv6 x 1")]
    public string Addresses { get; set; } = "";

    /// <summary>Makes both ends.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _ipv6 = Addresses.StartsWith("IPv6", StringComparison.Ordinal);
        var count = Addresses.EndsWith(" 20", StringComparison.Ordinal) ? 20u : 1u;
        var options = new CarpHostOptions
        {
            Vhid = Vhid,
            Password = "benchmark",
            IPv4Addresses = _ipv6 ? [] : [.. Enumerable.Range(1, (int)count).Select(i => new IpAddressValue(0, 0x0a00_0000 + (ulong)i))],
            IPv6Addresses = _ipv6 ? [new IpAddressValue(0xfd00_0001_0000_0000, 1)] : [],
        };
        _authenticator = new CarpAuthenticator(options);
        _host = new CarpVirtualHost(options with { AdvSkew = 100 }, () => 1);
        _host.Machine.OnReady(Instant.Zero);
        _host.SentFrom(_ipv6, _own);
        _segment.Add(_host);
        new CarpVirtualHost(options, () => 1000).WriteAdvertisement(_payload, _ipv6, 1, 0, 0);
        if (!Parse_and_authenticate() || Receive().Rejection != CarpRejection.None)
            throw new InvalidOperationException("the advertisement is not heard");
    }

    /// <summary>View, checksum, digest.</summary>
    [Benchmark]
    public bool Parse_and_authenticate() =>
        CarpAdvertisement.TryView(_payload, out var heard)
        && heard.ChecksumIsRight
        && _authenticator.Check(heard.Counter, heard.Digest) == CarpDigestForm.AllAddresses;

    /// <summary>The whole way of a received packet: classification, all checks, digest, loop check, election.</summary>
    [Benchmark]
    public CarpReceipt Receive() => _segment.Receive(_payload, _ipv6, _peer, _ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4, 255, _now);

    /// <summary>Digest and 36 bytes with checksum.</summary>
    [Benchmark]
    public byte Write_and_sign()
    {
        _authenticator.Write(_digest, ++_counter, CarpDigestForm.AllAddresses);
        CarpAdvertisement.Write(_written, Vhid, 1, 0, 0, _counter, _digest);
        return _written[6];
    }

    /// <summary>The same as a whole Ethernet frame from a virtual host.</summary>
    [Benchmark]
    public int Write_frame() =>
        CarpFrame.Write(_frame, _host, _ipv6, MacAddress.Virtual(Vhid), _own, CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4, 1, 0, 0);
}
