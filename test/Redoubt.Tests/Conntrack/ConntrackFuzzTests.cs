using System.Globalization;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Netlink;
using static Redoubt.Tests.Conntrack.ConntrackVectorTests;

namespace Redoubt.Tests.Conntrack;

/// <summary>No bytes may throw, or be taken for an entry without addresses. REDOUBT_SEED replays a failure.</summary>
public class ConntrackFuzzTests
{
    private const int Rounds = 200_000;

    private static readonly int Seed = int.TryParse(
        Environment.GetEnvironmentVariable("REDOUBT_SEED"),
        CultureInfo.InvariantCulture,
        out var seed
    )
        ? seed
        : 4711;

    [Fact]
    public void Damaged_recordings_are_refused_or_read_but_never_throw()
    {
        var recordings = Recordings();
        var random = new Random(Seed);
        var (taken, refused) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = (byte[])recordings[random.Next(recordings.Length)].Clone();
            for (var damage = random.Next(1, 6); damage > 0; damage--)
                bytes[random.Next(bytes.Length)] = (byte)(random.Next(3) == 0 ? random.Next(8) : random.Next(256));
            Check(bytes.AsSpan(0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length), round, ref taken, ref refused);
        }
        // Both must happen, or this test tests nothing.
        Assert.True(taken > Rounds / 100 && refused > Rounds / 100, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void Any_bytes_are_refused_or_read_but_never_throw()
    {
        var random = new Random(Seed + 1);
        var bytes = new byte[300];
        var (taken, refused) = (0, 0);
        for (var round = 0; round < Rounds / 2; round++)
        {
            random.NextBytes(bytes);
            bytes[0] = random.Next(2) == 0 ? (byte)2 : (byte)10;
            var body = bytes.AsSpan(0, random.Next(bytes.Length));
            CheckBody(body, round, ref taken, ref refused);
        }
        Assert.Equal(0, taken);
    }

    [Theory]
    [InlineData("")]
    [InlineData("02000000")]
    [InlineData("0a000000")]
    [InlineData("07000000")] // a family that is not ours
    [InlineData("020000000400018004000280")] // two empty tuples
    [InlineData("02000000000001800000")] // length 0
    [InlineData("02000000ffff0180")] // length beyond the end
    public void Too_little_is_refused(string hex) => Assert.False(ConntrackMessage.TryReadBody(Convert.FromHexString(hex), out _, out _));

    private static void Check(ReadOnlySpan<byte> datagram, int round, ref int taken, ref int refused)
    {
        try
        {
            var messages = new NetlinkMessages(datagram);
            while (messages.MoveNext())
            {
                if (ConntrackMessage.TryRead(messages.Current, out _, out _))
                    taken++;
                else
                    refused++;
            }
            if (messages.IsMalformed)
                refused++;
        }
        catch (Exception fault)
        {
            Assert.Fail($"Seed {Seed}, round {round}: {fault}. Bytes: {Convert.ToHexString(datagram)}");
        }
        if (datagram.Length > 16)
            CheckBody(datagram[16..], round, ref taken, ref refused);
    }

    private static void CheckBody(ReadOnlySpan<byte> body, int round, ref int taken, ref int refused)
    {
        try
        {
            if (!ConntrackMessage.TryReadBody(body, out var entry, out _))
            {
                refused++;
                return;
            }
            taken++;
            if (
                entry.Original.Family is not (2 or 10)
                || entry.Original.Family != entry.Reply.Family
                || entry.Original.Protocol != entry.Reply.Protocol
            )
                Assert.Fail($"Seed {Seed}, round {round}: an entry that is none. Bytes: {Convert.ToHexString(body)}");
        }
        catch (Exception fault) when (fault is not Xunit.Sdk.IAssertionException)
        {
            Assert.Fail($"Seed {Seed}, round {round}: {fault}. Bytes: {Convert.ToHexString(body)}");
        }
    }
}
