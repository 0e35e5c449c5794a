using System.Text;
using Redoubt.Control;
using Redoubt.Daemon.Events;
using Redoubt.Tests.Control;

namespace Redoubt.Tests.Events;

public sealed class EventLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rd-events-").FullName;

    private string Current => Path.Combine(_folder, "events.jsonl");
    private string Predecessor => Current + ".1";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Events_are_numbered_and_come_back_after_a_restart()
    {
        using (var log = new EventLog(_folder))
        {
            log.Add(EventKind.Start, "started");
            log.Transition("lan", 1, "BACKUP", "MASTER", "no advertisement heard for 3.0 s", epoch: 7);
        }
        using var again = new EventLog(_folder);
        again.Add(EventKind.Start, "started again");

        var events = again.Snapshot();

        Assert.Equal([1L, 2, 3], events.Select(e => e.Sequence));
        Assert.Equal("lan@1: BACKUP -> MASTER: no advertisement heard for 3.0 s", events[1].Message);
        Assert.Equal(("lan", (byte?)1, "BACKUP", "MASTER"), (events[1].Interface, events[1].Vhid, events[1].From, events[1].To));
        Assert.Equal([null, 7, null], events.Select(e => e.Epoch));
    }

    [Fact]
    public void A_torn_last_line_is_left_out_and_overwritten()
    {
        using (var log = new EventLog(_folder))
        {
            log.Add(EventKind.Start, "one");
            log.Add(EventKind.Start, "two");
        }
        var bytes = File.ReadAllBytes(Current);
        File.WriteAllBytes(Current, bytes[..^10]);

        using (var log = new EventLog(_folder))
        {
            Assert.Equal(["one"], log.Snapshot().Select(e => e.Message));
            log.Add(EventKind.Start, "three");
        }

        var lines = File.ReadAllLines(Current);
        Assert.Equal(2, lines.Length);
        Assert.Contains("three", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_between_the_lines_is_skipped()
    {
        using (var log = new EventLog(_folder))
            log.Add(EventKind.Start, "one");
        File.AppendAllText(Current, "\n\0\0\0\n{\"seq\":\n[[[[\n{\"seq\":9}\n");
        var random = new byte[4096];
        new Random(1).NextBytes(random);
        File.WriteAllBytes(Predecessor, random);

        using var again = new EventLog(_folder);

        Assert.Equal(["one"], again.Snapshot().Select(e => e.Message));
    }

    [Fact]
    public void A_full_file_becomes_the_only_predecessor()
    {
        const int Size = 128 << 10;
        using (var log = new EventLog(_folder, null, Size))
        {
            for (var i = 0; i < 5000; i++)
                log.Add(EventKind.Sync, $"event {i} {new string('x', 100)}");
        }

        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        Assert.InRange(new FileInfo(Current).Length, 1, Size);
        Assert.InRange(new FileInfo(Predecessor).Length, 1, Size);
        using var again = new EventLog(_folder, null, Size);
        var events = again.Snapshot();
        Assert.Equal(5000, events[^1].Sequence);
        Assert.True(events.Count > 500, $"{events.Count} events of two files");
        Assert.Equal(events.Count, events[^1].Sequence - events[0].Sequence + 1);
    }

    [Fact]
    public void The_ring_keeps_the_newest()
    {
        using var log = new EventLog(null);

        for (var i = 0; i < EventLog.RingSize + 10; i++)
            log.Add(EventKind.Sync, "x");

        var events = log.Snapshot();
        Assert.Equal(EventLog.RingSize, events.Count);
        Assert.Equal((11, EventLog.RingSize + 10), (events[0].Sequence, events[^1].Sequence));
    }

    [Fact]
    public async Task A_disk_that_fails_raises_an_alarm_makes_nobody_wait_and_is_caught_up_with()
    {
        var blocked = Path.Combine(_folder, "state"); // a file where a directory should be
        File.WriteAllText(blocked, "");
        using var log = new EventLog(blocked);
        var board = new AlarmBoard(log);

        for (var i = 0; i < 100; i++)
            log.Add(EventKind.Sync, $"event {i}");

        await ControlNode.Eventually(() => board.Active.Any(a => a.Id == "event-log"), "no alarm");
        Assert.Equal(Health.Degraded, board.Health);

        File.Delete(blocked);
        await ControlNode.Eventually(() => board.Active.IsEmpty, "the alarm stays");
        log.Dispose();
        Assert.Equal(0, log.LostOnDisk);
        using var again = new EventLog(blocked);
        Assert.Equal(100, again.Snapshot().Count(e => e.Message.StartsWith("event ", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_a_failing_disk_cannot_take_is_counted()
    {
        var blocked = Path.Combine(_folder, "state");
        File.WriteAllText(blocked, "");
        var log = new EventLog(blocked);

        for (var i = 0; i < 20_000; i++)
            log.Add(EventKind.Sync, "x");
        log.Dispose();

        Assert.Equal(20_000, log.LostOnDisk);
    }

    [Fact]
    public void A_text_of_any_length_and_any_characters_is_kept_readable()
    {
        using (var log = new EventLog(_folder))
        {
            log.Add(EventKind.Sync, new string('x', EventLog.TextLimit - 1) + "\ud83d\ude00"); // the cut splits a pair
            log.Add(EventKind.Sync, "line\nfeed \u0000 \u001b[31m \udc00");
        }

        using var again = new EventLog(_folder);

        var events = again.Snapshot();
        Assert.Equal(2, events.Count);
        Assert.Equal(EventLog.TextLimit, events[0].Message.Length);
        Assert.StartsWith("line\nfeed \0 \u001b[31m ", events[1].Message, StringComparison.Ordinal);
        Assert.Equal(2, Encoding.UTF8.GetString(File.ReadAllBytes(Current)).Count(c => c == '\n'));
    }

    [Fact]
    public void An_event_costs_little_memory()
    {
        using var log = new EventLog(null);
        for (var i = 0; i < EventLog.RingSize; i++)
            log.Add(EventKind.Sync, "warm");

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            log.Add(EventKind.Sync, "x", "lan", 1, "BACKUP", "MASTER", "why");
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 1000;

        Assert.InRange(each, 1, 160); // the record itself, nothing else
    }

    [Fact]
    public void A_slow_subscriber_is_told_that_it_lost_events()
    {
        using var log = new EventLog(null);
        using var slow = log.Subscribe(out _);
        using var quick = log.Subscribe(out _);

        for (var i = 0; i <= EventLog.SubscriptionQueue; i++)
        {
            log.Add(EventKind.Sync, "x");
            quick.Reader.TryRead(out _);
        }

        Assert.True(slow.Overrun);
        Assert.False(quick.Overrun);
    }
}
