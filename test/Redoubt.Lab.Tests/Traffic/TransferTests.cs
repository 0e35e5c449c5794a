using System.Net;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Tests.Traffic;

/// <summary>A transfer says whether every byte arrived, and how long none did.</summary>
public sealed class TransferTests : IDisposable
{
    private readonly TwoHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Theory]
    [InlineData(TransferDirection.Download)]
    [InlineData(TransferDirection.Upload)]
    public void An_intact_path_carries_every_byte(TransferDirection direction)
    {
        const long Length = (3 << 20) + 5;
        using var server = new TransferServer(_hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var transfer = new Transfer(_hosts.Client, server, direction, Length, 64 << 20);
        var result = transfer.Wait(Deadline.In(20));
        Assert.True(result.IsComplete, result.Error);
        Assert.Equal(Length, result.Bytes);
    }

    [Theory]
    [InlineData(TransferDirection.Download)]
    [InlineData(TransferDirection.Upload)]
    public void A_stream_that_is_enough_ends_whole(TransferDirection direction)
    {
        using var server = new TransferServer(_hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var transfer = new Transfer(_hosts.Client, server, direction, 1L << 30, 1 << 20);
        Deadline.In(10).Await("half a MiB has arrived", () => transfer.Bytes > 1 << 19);
        Assert.False(transfer.Result.IsComplete);
        transfer.Finish();
        var result = transfer.Wait(Deadline.In(10));
        Assert.True(result.IsComplete, result.Error);
        Assert.InRange(result.Length, 1 << 19, (1L << 30) - 1);
    }

    [Fact]
    public void An_interruption_is_a_gap_after_its_mark_and_the_stream_goes_on()
    {
        using var server = new TransferServer(_hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var transfer = new Transfer(_hosts.Client, server, TransferDirection.Download, 1L << 30, 4 << 20);
        Deadline.In(10).Await("a MiB has arrived", () => transfer.Bytes > 1 << 20);
        transfer.Mark("cut");
        TwoHosts.Ip(_hosts.Server, $"addr del {TwoHosts.ServerAddress}/24 dev right");
        var silent = transfer.Bytes;
        _quiet.Restart();
        Deadline.In(10).Await("nothing arrives for 400 ms", () => Silence(transfer, ref silent) > TimeSpan.FromMilliseconds(400));
        TwoHosts.Ip(_hosts.Server, $"addr add {TwoHosts.ServerAddress}/24 dev right");
        var before = transfer.Bytes;
        Deadline.In(20).Await("the stream goes on", () => transfer.Bytes > before + (1 << 20));
        transfer.Finish();
        var result = transfer.Wait(Deadline.In(10));
        Assert.True(result.IsComplete, result.Error);
        Assert.InRange(result.GapAfter("cut"), TimeSpan.FromMilliseconds(350), TimeSpan.FromSeconds(15));
    }

    [Fact]
    public void One_wrong_byte_is_found_with_its_place()
    {
        var bytes = new byte[100_003];
        TransferContent.Fill(bytes, 42, 8 * 1000);
        Assert.Equal(-1, TransferContent.FirstWrong(bytes, 42, 8 * 1000));
        Assert.Equal(-1, TransferContent.FirstWrong(bytes.AsSpan(3), 42, (8 * 1000) + 3));
        bytes[77_777] ^= 1;
        Assert.Equal(8000 + 77_777, TransferContent.FirstWrong(bytes, 42, 8 * 1000));
        Assert.Equal(8000 + 77_777, TransferContent.FirstWrong(bytes.AsSpan(5), 42, (8 * 1000) + 5));
        Assert.NotEqual(-1, TransferContent.FirstWrong(bytes.AsSpan(0, 64), 43, 8 * 1000));
        Assert.NotEqual(-1, TransferContent.FirstWrong(bytes.AsSpan(8, 64), 42, 8 * 1000));
    }

    [Fact]
    public void A_server_that_hangs_up_early_leaves_an_incomplete_transfer()
    {
        var server = new TransferServer(_hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var transfer = new Transfer(_hosts.Client, server, TransferDirection.Download, 1L << 30, 1 << 20);
        Deadline.In(10).Await("something has arrived", () => transfer.Bytes > 0);
        server.Dispose();
        var result = transfer.Wait(Deadline.In(10));
        Assert.False(result.IsComplete);
        Assert.NotNull(result.Error);
    }

    private readonly System.Diagnostics.Stopwatch _quiet = System.Diagnostics.Stopwatch.StartNew();

    private TimeSpan Silence(Transfer transfer, ref long bytes)
    {
        if (transfer.Bytes != bytes)
        {
            bytes = transfer.Bytes;
            _quiet.Restart();
        }
        return _quiet.Elapsed;
    }
}
