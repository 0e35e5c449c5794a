using System.Buffers.Binary;
using Redoubt.Lab.Network;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>Payloads for the port of state sync, made from genuine ones of both directions and from nothing; the same for the same seed.</summary>
internal sealed class HostileDatagrams(IReadOnlyList<byte[]> genuine, int seed)
{
    public const int SyncPort = 7240;
    private const int UdpPayload = 14 + 20 + 8;
    private const int LongestDatagram = 1500 - 20 - 8;
    private readonly Random _random = new(seed);

    /// <summary>Keeps what two nodes say to each other on a device until there are so many datagrams.</summary>
    public static HostileDatagrams Learn(Place place, string device, int count, int seed)
    {
        var index = Pair.Device(place, device).Index;
        using var tap = place.Run(() => new PacketTap(index));
        List<byte[]> heard = [];
        var buffer = new byte[2048];
        bool Look()
        {
            while (heard.Count < count && tap.TryReceive(buffer, out var length, out _))
            {
                var frame = buffer.AsSpan(0, length);
                var isOurs = length > UdpPayload && frame[12] == 8 && frame[13] == 0 && frame[23] == 17;
                if (isOurs && BinaryPrimitives.ReadUInt16BigEndian(frame[36..]) == SyncPort)
                    heard.Add(frame[UdpPayload..].ToArray());
            }
            return heard.Count == count;
        }
        Deadline.In(15).Await($"{count} datagrams of state sync", Look, () => $"{heard.Count}");
        return new HostileDatagrams(heard, seed);
    }

    /// <summary>The next one: random, random behind a right beginning, truncated, or with flipped bits.</summary>
    public byte[] Make(int number)
    {
        var datagram = genuine[_random.Next(genuine.Count)];
        switch (number % 4)
        {
            case 0:
                return Bytes(_random.Next(LongestDatagram + 1));
            case 1:
                var sections = Bytes(_random.Next(LongestDatagram - 64));
                byte[] forged = [.. datagram[..Math.Min(32, datagram.Length)], .. sections];
                if (forged.Length >= 32)
                    BinaryPrimitives.WriteUInt16BigEndian(forged.AsSpan(28), (ushort)forged.Length);
                return forged;
            case 2:
                return datagram[.._random.Next(datagram.Length)];
            default:
                var flipped = (byte[])datagram.Clone();
                for (var i = _random.Next(1, 9); i > 0; i--)
                    flipped[_random.Next(flipped.Length)] ^= (byte)(1 << _random.Next(8));
                return flipped;
        }
    }

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }
}
