using System.Buffers.Binary;
using Redoubt.Lab.Network;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>
/// Frames of IP protocol 112 that nobody with the password sent, made from genuine ones and from nothing; the same for the same seed.
/// None has the right digest: CARP leaves skew and interval outside of it, and whoever corrects the checksum after changing these is
/// believed, by every CARP.
/// </summary>
internal sealed class HostileAdvertisements(byte[] genuineIPv4, byte[] genuineIPv6, int seed)
{
    private const int Ethernet = 14;
    private const int PayloadLimit = 80;
    private readonly Random _random = new(seed);

    /// <summary>Waits for the master's own advertisements of both families as a host on the segment hears them.</summary>
    public static HostileAdvertisements Learn(Place place, string device, int seed)
    {
        var index = Pair.Device(place, device).Index;
        using var tap = place.Run(() => new PacketTap(index));
        byte[]? ipv4 = null,
            ipv6 = null;
        var buffer = new byte[256];
        bool Look()
        {
            while (tap.TryReceive(buffer, out var length, out _))
            {
                var frame = buffer.AsSpan(0, length);
                var type = length > 60 ? BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) : 0;
                if (type == 0x0800 && frame[23] == 112)
                    ipv4 = frame.ToArray();
                else if (type == 0x86dd && frame[20] == 112)
                    ipv6 = frame.ToArray();
            }
            return ipv4 is not null && ipv6 is not null;
        }
        Deadline.In(5).Await("advertisements of both families", Look);
        return new HostileAdvertisements(ipv4!, ipv6!, seed);
    }

    /// <summary>A frame that every kernel delivers: only what stands behind the IP header is hostile, and sometimes the TTL.</summary>
    public byte[] Deliverable(int number, bool ipv6)
    {
        var genuine = ipv6 ? genuineIPv6 : genuineIPv4;
        var header = HeaderLength(ipv6);
        var payload = (number % 4) switch
        {
            0 => Bytes(_random.Next(PayloadLimit + 1)),
            1 => genuine[header..(header + _random.Next(36))],
            2 => Flipped(genuine[header..(header + 36)], _random.Next(2) == 0 ? 1 : 3),
            _ => WellFormed(),
        };
        var ttl = number % 8 == 7 ? (byte)_random.Next(256) : byte.MaxValue;
        byte[] frame = [.. genuine[..header], .. payload];
        return ipv6 ? WithHeaderIPv6(frame, ttl) : WithHeaderIPv4(frame, ttl);
    }

    /// <summary>A frame with a forged digest and flipped bits anywhere behind the Ethernet header: most kernels drop it.</summary>
    public byte[] Undeliverable(bool ipv6)
    {
        var frame = (byte[])(ipv6 ? genuineIPv6 : genuineIPv4).Clone();
        frame[^1] ^= 0xff;
        var cut = frame[..(Ethernet + _random.Next(1, frame.Length - Ethernet + 1))];
        return [.. cut[..Ethernet], .. Flipped(cut[Ethernet..], _random.Next(1, 9))];
    }

    private static int HeaderLength(bool ipv6) => Ethernet + (ipv6 ? 40 : 20);

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    private byte[] Flipped(byte[] bytes, int count)
    {
        for (var i = 0; i < count; i++)
            bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
        return bytes;
    }

    // Version, type and checksum as they should be; vhid, times, counter and digest are not.
    private byte[] WellFormed()
    {
        var payload = Bytes(36);
        payload[0] = 0x21;
        payload[1] = _random.Next(3) switch
        {
            0 => Topology.LanVhid,
            1 => Topology.WanVhid,
            _ => payload[1],
        };
        payload[3] = 7;
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(6), 0);
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(6), Checksum(payload));
        return payload;
    }

    private byte[] WithHeaderIPv4(byte[] frame, byte ttl)
    {
        var header = frame.AsSpan(Ethernet, 20);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(frame.Length - Ethernet));
        header[8] = ttl;
        header[15] = (byte)_random.Next(100, 250); // 10.0.0.X, nobody's
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], Checksum(header));
        return frame;
    }

    private byte[] WithHeaderIPv6(byte[] frame, byte ttl)
    {
        var header = frame.AsSpan(Ethernet, 40);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)(frame.Length - HeaderLength(ipv6: true)));
        header[7] = ttl;
        _random.NextBytes(header[16..24]); // fe80::X, nobody's
        return frame;
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 1; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        while (sum > 0xffff)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
