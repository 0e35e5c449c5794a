using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.Pfsync;

namespace Redoubt.Tests.StateSync;

public sealed class PfsyncSealTests
{
    private static readonly ClusterSecret _secret = new(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
    private static readonly Instant _now = new(1_000_000_000);

    private static (PfsyncSeal A, PfsyncSeal B) Pair(ulong keyDatagrams = PfsyncSeal.KeyDatagrams, ClusterSecret? other = null)
    {
        var (a, b) = (new PfsyncSeal(_secret, 1, 11, keyDatagrams), new PfsyncSeal(other ?? _secret, 2, 22, keyDatagrams));
        a.Begin(2, 22, _now);
        b.Begin(1, 11, _now);
        return (a, b);
    }

    private static byte[] Plain(int length = 200)
    {
        var plain = new byte[length];
        for (var i = 0; i < length; i++)
            plain[i] = (byte)i;
        plain[30] = 0;
        return plain;
    }

    private static byte[] Sealed(PfsyncSeal seal, byte[] plain, TimeSpan after = default)
    {
        var buffer = new byte[PfsyncLimits.MaxDatagram];
        return buffer[..seal.Seal(_now + after, plain, buffer)];
    }

    private static PfsyncRejection Open(PfsyncSeal seal, byte[] datagram, out byte[] plain)
    {
        var buffer = new byte[PfsyncLimits.MaxDatagram];
        var rejection = seal.Open(datagram, buffer, out var length);
        plain = buffer[..length];
        return rejection;
    }

    [Fact]
    public void What_one_node_seals_the_other_opens_and_nobody_reads()
    {
        var (a, b) = Pair();
        var plain = Plain();
        var datagram = Sealed(a, plain);
        Assert.Equal(plain.Length + PfsyncSeal.Overhead, datagram.Length);
        Assert.Equal(-1, datagram.AsSpan().IndexOf(plain.AsSpan(40, 8)));
        Assert.Equal(PfsyncRejection.None, Open(b, datagram, out var opened));
        Assert.Equal(plain[32..], opened[32..]);
    }

    [Fact]
    public void Every_changed_bit_and_every_cut_is_refused_and_the_genuine_datagram_still_opens()
    {
        var (a, b) = Pair();
        var datagram = Sealed(a, Plain(80));
        for (var bit = 0; bit < datagram.Length * 8; bit++)
        {
            var forged = (byte[])datagram.Clone();
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(PfsyncRejection.None, Open(b, forged, out _));
        }
        for (var length = 0; length < datagram.Length; length++)
            Assert.NotEqual(PfsyncRejection.None, Open(b, datagram[..length], out _));
        Assert.Equal(PfsyncRejection.None, Open(b, datagram, out _));
    }

    [Fact]
    public void A_datagram_opens_once_also_out_of_order_and_never_in_the_other_direction()
    {
        var (a, b) = Pair();
        var datagrams = Enumerable.Range(0, 100).Select(_ => Sealed(a, Plain())).ToList();
        datagrams.Reverse();
        foreach (var datagram in datagrams)
        {
            Assert.NotEqual(PfsyncRejection.None, Open(a, datagram, out _));
            Assert.Equal(PfsyncRejection.None, Open(b, datagram, out _));
        }
        foreach (var datagram in datagrams)
            Assert.Equal(PfsyncRejection.Duplicate, Open(b, datagram, out _));
    }

    [Fact]
    public void Keys_change_by_count_and_by_time_and_nothing_is_lost_when_datagrams_of_both_cross()
    {
        var (a, b) = Pair(keyDatagrams: 10);
        var all = Enumerable.Range(0, 200).Select(_ => Sealed(a, Plain())).ToList();
        for (var i = 0; i < all.Count; i += 10)
            all.Reverse(Math.Max(0, i - 3), 6);
        Assert.Equal(20, all.Select(d => d[30]).Distinct().Count());
        Assert.All(all, d => Assert.Equal(PfsyncRejection.None, Open(b, d, out _)));
        var later = Sealed(a, Plain(), PfsyncSeal.KeyLife);
        Assert.DoesNotContain(later[30], all.Skip(190).Select(d => d[30]));
        Assert.Equal(PfsyncRejection.None, Open(b, later, out _));
    }

    [Fact]
    public void Datagrams_of_another_life_or_another_secret_do_not_open()
    {
        var (a, b) = Pair();
        var old = Sealed(a, Plain());
        b.Begin(1, 12, _now);
        Assert.Equal(PfsyncRejection.BadSeal, Open(b, old, out _));
        (a, b) = Pair(other: new ClusterSecret(new byte[32]));
        Assert.Equal(PfsyncRejection.BadSeal, Open(b, Sealed(a, Plain()), out _));
    }

    [Fact]
    public void A_number_is_never_used_twice_though_the_peer_lives_and_dies()
    {
        var (a, _) = Pair();
        var seen = new HashSet<string>();
        for (var life = 0; life < 50; life++)
        {
            a.Begin(2, life % 2 == 0 ? 23UL : 22UL, _now);
            Assert.True(seen.Add(Convert.ToHexString(Sealed(a, Plain())[^24..^16])));
        }
    }

    [Fact]
    public void A_hello_outside_of_a_session_is_authentic_or_refused()
    {
        using var a = new PfsyncSeal(_secret, 1, 11);
        using var b = new PfsyncSeal(_secret, 2, 22);
        var buffer = new byte[PfsyncLimits.MaxDatagram];
        var datagram = buffer[..a.SealHello(Plain(84), buffer)];
        Assert.Equal(PfsyncRejection.None, Open(b, datagram, out _));
        for (var at = 0; at < datagram.Length; at++)
        {
            var forged = (byte[])datagram.Clone();
            forged[at] ^= 0x41;
            Assert.NotEqual(PfsyncRejection.None, Open(b, forged, out _));
        }
        Assert.Equal(PfsyncRejection.NotEncrypted, Open(b, Plain(84), out _));
    }

    [Fact]
    public void Sealing_and_opening_allocate_nothing()
    {
        var (a, b) = Pair();
        var (plain, sealedBytes, opened) = (Plain(1300), new byte[PfsyncLimits.MaxDatagram], new byte[PfsyncLimits.MaxDatagram]);
        long before = 0;
        for (var i = 0; i < 200; i++)
        {
            if (i == 100)
                before = GC.GetAllocatedBytesForCurrentThread();
            var length = a.Seal(_now, plain, sealedBytes);
            Assert.True(b.Open(sealedBytes.AsSpan(0, length), opened, out _) == PfsyncRejection.None);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
