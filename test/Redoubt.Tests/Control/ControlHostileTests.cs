using System.Net.Sockets;
using System.Text;
using Redoubt.Control;
using Redoubt.Daemon.Control;

namespace Redoubt.Tests.Control;

public class ControlHostileTests
{
    [Fact]
    public async Task A_hundred_thousand_garbage_lines_leave_the_server_answering()
    {
        const int Seed = 4711;
        const int Lines = 100_000;
        using var node = new ControlNode();
        var random = new Random(Seed);
        string[] seeds =
        [
            "{\"verb\":\"carp-demote\",\"amount\":5,\"reason\":\"x\"}",
            "{\"verb\":\"events\",\"follow\":true,\"since\":\"2026-01-01T00:00:00Z\"}",
            "{\"verb\":\"carp-state\",\"vhid\":1,\"interface\":\"lan\",\"state\":\"master\"}",
        ];
        var sent = 0;
        while (sent < Lines)
        {
            using var socket = node.Connect();
            using var drain = Task.Run(() => DrainAsync(socket), TestContext.Current.CancellationToken);
            try
            {
                for (var i = 0; i < 64 && sent < Lines; i++, sent++)
                {
                    socket.Send(Garbage(random, seeds));
                    if (i % 8 == 7)
                        socket.Send("{\"verb\":\"states-count\"}\n"u8); // or the row of bad lines ends the connection early
                }
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                sent++; // hung up on us, as it should after so much nonsense
            }
            await drain;
        }

        Assert.True((await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status })).Ok, $"seed {Seed}");
        await ControlNode.Eventually(() => node.Server.Connections == 0, "connections of gone clients stay");
        Assert.DoesNotContain(node.Events.Snapshot(), e => e.Message.Contains("unexpectedly", StringComparison.Ordinal));
    }

    [Fact]
    public void A_row_of_bad_lines_ends_the_connection()
    {
        using var node = new ControlNode();
        using var socket = node.Connect();
        socket.Send(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("x\n", 30))));
        var answers = 0;

        while (ControlNode.ReadLine(socket) is not null)
            answers++;

        Assert.Equal(16, answers);
    }

    [Fact]
    public void A_line_beyond_the_limit_is_refused_and_the_connection_closed()
    {
        using var node = new ControlNode();
        using var socket = node.Connect();
        var line = new byte[ControlLimits.Line + 1];
        Array.Fill(line, (byte)' ');
        socket.Send(line);

        Assert.Contains("longer than", ControlNode.ReadLine(socket), StringComparison.Ordinal);
        Assert.Null(ControlNode.ReadLine(socket));
    }

    [Fact]
    public void A_line_just_within_the_limit_is_carried_out()
    {
        using var node = new ControlNode();
        using var socket = node.Connect();

        var answer = ControlNode.Exchange(socket, "{\"verb\":\"states-sync\"}".PadRight(ControlLimits.Line - 1) + "\n");

        Assert.StartsWith("{\"ok\":true", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_that_does_not_end_is_given_up()
    {
        using var node = new ControlNode(new ServerLimits { PartialLine = TimeSpan.FromMilliseconds(100) });
        using var socket = node.Connect();

        Assert.Contains("not ended in time", ControlNode.Exchange(socket, "{\"verb\":"), StringComparison.Ordinal);
        Assert.Null(ControlNode.ReadLine(socket));
    }

    [Fact]
    public void A_silent_client_is_let_go()
    {
        using var node = new ControlNode(new ServerLimits { Idle = TimeSpan.FromMilliseconds(100) });
        using var socket = node.Connect();

        Assert.Contains("silence", ControlNode.ReadLine(socket), StringComparison.Ordinal);
        Assert.Null(ControlNode.ReadLine(socket));
    }

    [Fact]
    public async Task One_connection_too_many_is_told_so_and_room_returns()
    {
        using var node = new ControlNode(new ServerLimits { Connections = 3 });
        var held = Enumerable.Range(0, 3).Select(_ => node.Connect()).ToList();
        await ControlNode.Eventually(() => node.Server.Connections == 3, "three connections");

        var refused = await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status });
        Assert.Equal("too many connections", refused.Message);

        held.ForEach(s => s.Dispose());
        await ControlNode.Eventually(() => node.Server.Connections == 0, "room again");
        Assert.True((await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status })).Ok);
    }

    [Fact]
    public async Task A_follower_that_does_not_read_is_dropped_and_nobody_waits_for_it()
    {
        using var node = new ControlNode(new ServerLimits { Stall = TimeSpan.FromMilliseconds(200) });
        using var deaf = node.Connect();
        deaf.Send("{\"verb\":\"events\",\"follow\":true}\n"u8);
        await ControlNode.Eventually(() => node.Server.Connections == 1, "connected");

        var begin = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 50_000; i++)
            node.Events.Add(EventKind.Sync, "a message that fills the socket of a reader that does not read");
        var elapsed = TimeProvider.System.GetElapsedTime(begin);

        Assert.True(elapsed < TimeSpan.FromSeconds(5), $"adding took {elapsed}");
        await ControlNode.Eventually(() => node.Server.Connections == 0, "the deaf follower stays");
        Assert.True((await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status })).Ok);
    }

    [Fact]
    public async Task A_reader_of_a_list_that_stops_reading_is_dropped()
    {
        using var node = new ControlNode(new ServerLimits { Stall = TimeSpan.FromMilliseconds(200) }) { Rows = 200_000 };
        using var deaf = node.Connect();
        deaf.Send("{\"verb\":\"states-list\"}\n"u8);
        await ControlNode.Eventually(() => node.Server.Connections == 1, "connected");

        await ControlNode.Eventually(() => node.Server.Connections == 0, "the deaf reader stays");
    }

    [Fact]
    public async Task A_follower_that_hangs_up_is_forgotten()
    {
        using var node = new ControlNode();
        using (var socket = node.Connect())
        {
            socket.Send("{\"verb\":\"events\",\"follow\":true}\n"u8);
            await ControlNode.Eventually(() => node.Server.Connections == 1, "connected");
        }

        await ControlNode.Eventually(() => node.Server.Connections == 0, "without a new event to notice by");
    }

    private static byte[] Garbage(Random random, string[] seeds)
    {
        byte[] line;
        if (random.Next(2) == 0)
        {
            line = new byte[random.Next(1, 80)];
            random.NextBytes(line);
        }
        else
        {
            line = Encoding.UTF8.GetBytes(seeds[random.Next(seeds.Length)]);
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                line[random.Next(line.Length)] = (byte)random.Next(256);
            line = line[..random.Next(1, line.Length + 1)];
        }
        return [.. line, (byte)'\n'];
    }

    private static async Task DrainAsync(Socket socket)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (await socket.ReceiveAsync(buffer) > 0) { }
        }
        catch (SocketException)
        {
            // reset: the server closed with our garbage unread
        }
    }
}
