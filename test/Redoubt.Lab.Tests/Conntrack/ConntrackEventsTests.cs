using System.Diagnostics;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.Conntrack;

/// <summary>News arrives, of the kinds asked for; too much of it is told; reading it costs no memory.</summary>
public sealed class ConntrackEventsTests : IDisposable
{
    private readonly ConntrackNamespace _namespace = new();

    public void Dispose() => _namespace.Dispose();

    [Theory]
    [InlineData(true, false, false, ConntrackEventKind.New)]
    [InlineData(false, true, false, ConntrackEventKind.Update)]
    [InlineData(false, false, true, ConntrackEventKind.Destroy)]
    public void Only_the_kinds_asked_for_are_told(bool news, bool updates, bool destroys, ConntrackEventKind kind)
    {
        _namespace.Run(() =>
        {
            ConntrackSysctl.EnableEvents();
            using var table = new ConntrackTable();
            using var events = new ConntrackEvents(news, updates, destroys, 1 << 20);
            Assert.Equal(Errno.TryAgain, events.TryRead(out _));
            Assert.Equal(Errno.None, table.Create(Udp(1)));
            Assert.Equal(Errno.None, table.Update(Udp(1)));
            Assert.Equal(Errno.None, table.Delete(Udp(1).Original, 0));

            Assert.Equal(Errno.None, events.TryRead(out var told));
            Assert.Equal(kind, told.Kind);
            Assert.Equal(Errno.TryAgain, events.TryRead(out _));
        });
    }

    [Fact]
    public void An_overrun_is_told_and_reading_goes_on()
    {
        _namespace.Run(() =>
        {
            ConntrackSysctl.EnableEvents();
            using var table = new ConntrackTable();
            using var events = new ConntrackEvents(news: true, updates: false, destroys: false, 16 * 1024);
            Fill(table, 1, 2000);

            var (told, overruns) = Drain(events);
            Assert.Equal(1, overruns);
            Assert.Equal(1, events.Overruns);
            Assert.InRange(told, 1, 1999);
            Fill(table, 3000, 3001);
            Assert.Equal((1, 0), Drain(events));
        });
    }

    [Fact]
    public void A_buffer_that_grew_holds_more()
    {
        _namespace.Run(() =>
        {
            ConntrackSysctl.EnableEvents();
            using var table = new ConntrackTable();
            using var events = new ConntrackEvents(news: true, updates: false, destroys: false, 16 * 1024);
            var before = events.ReceiveBuffer;
            Fill(table, 1, 1000);
            var (few, _) = Drain(events);
            for (var times = 0; times < 4; times++)
                Assert.True(events.Grow());
            Assert.Equal(before * 16, events.ReceiveBuffer);
            Fill(table, 1000, 2000);
            var (many, _) = Drain(events);

            Assert.True(many > few * 4, $"{few} before, {many} after");
            var steps = 0;
            while (events.Grow())
                Assert.True(++steps < 20);
            Assert.InRange(events.ReceiveBuffer, before, ConntrackLimits.MaxReceiveBuffer);
        });
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        _namespace.Run(() =>
        {
            ConntrackSysctl.EnableEvents();
            using var table = new ConntrackTable();
            using var events = new ConntrackEvents(news: true, updates: true, destroys: true, 4 << 20);
            Fill(table, 1, 100);
            Drain(events);
            Fill(table, 100, 1100);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var read = 0;
            while (events.TryRead(out _).IsSuccess)
                read++;
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(1000, read);
        });
    }

    [Fact]
    public void Figures()
    {
        _namespace.Run(() =>
        {
            ConntrackSysctl.EnableEvents();
            using var table = new ConntrackTable();
            const int count = 60_000;
            for (var round = 0; round < 2; round++) // the first warms the compiler up
            {
                foreach (
                    var (name, entry) in new[] { ("udp", (Func<int, ConntrackEntry>)(i => Flow(17, i))), ("tcp+snat", i => Flow(6, i)) }
                )
                {
                    Measure($"create {name} batch", count, () => Apply(table, ConntrackChangeKind.Create, entry, count));
                    Measure($"update {name} batch", count, () => Apply(table, ConntrackChangeKind.Update, entry, count));
                    var seen = 0;
                    Measure("dump", count, () => table.Dump((in _) => ++seen > 0));
                    Assert.Equal(count, seen);
                    Measure($"delete {name} batch", count, () => Apply(table, ConntrackChangeKind.Delete, entry, count));
                    Measure(
                        $"create {name} one by one",
                        count,
                        () =>
                        {
                            for (var i = 0; i < count; i++)
                                table.Create(entry(i));
                        }
                    );
                    Apply(table, ConntrackChangeKind.Delete, entry, count);
                }
                using var events = new ConntrackEvents(news: true, updates: false, destroys: false, 128 << 20);
                Measure(
                    "create udp batch, with a listener",
                    count,
                    () => Apply(table, ConntrackChangeKind.Create, i => Flow(17, i), count)
                );
                var watch = Stopwatch.StartNew();
                var (told, overruns) = Drain(events);
                Say(
                    $"read events: {told / watch.Elapsed.TotalSeconds:N0}/s ({told} held by {events.ReceiveBuffer >> 20} MiB, {overruns} overruns)"
                );
                Apply(table, ConntrackChangeKind.Delete, i => Flow(17, i), count);
            }
        });
    }

    private static ConntrackEntry Flow(byte protocol, int i)
    {
        var source = $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}";
        return Entry(
            Tuple(protocol, source, 40000, "192.0.2.2", 443),
            protocol == 6
                ? Tuple(protocol, "192.0.2.2", 443, "198.51.100.1", (ushort)(i + 1))
                : Tuple(protocol, "192.0.2.2", 443, source, 40000)
        );
    }

    private static void Apply(ConntrackTable table, ConntrackChangeKind kind, Func<int, ConntrackEntry> entry, int count)
    {
        var changes = new ConntrackChange[1024];
        var results = new Errno[1024];
        for (var start = 0; start < count; start += 1024)
        {
            var length = Math.Min(1024, count - start);
            for (var i = 0; i < length; i++)
                changes[i] = new(kind, entry(start + i));
            Stopped.Start();
            table.Apply(changes.AsSpan(0, length), results);
            Stopped.Stop();
            Assert.All(results[..length], result => Assert.Equal(Errno.None, result));
        }
    }

    private static readonly Stopwatch Stopped = new();

    private static void Measure(string what, int count, Action action)
    {
        Stopped.Reset();
        var watch = Stopwatch.StartNew();
        action();
        var time = Stopped.ElapsedTicks > 0 ? Stopped.Elapsed : watch.Elapsed;
        Say($"{what}: {count / time.TotalSeconds:N0}/s");
    }

    private static void Say(string text)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Console.WriteLine(text);
    }

    private static void Fill(ConntrackTable table, int from, int to)
    {
        for (var port = from; port < to; port++)
            Assert.Equal(Errno.None, table.Create(Udp((ushort)port)));
    }

    private static (int Told, int Overruns) Drain(ConntrackEvents events)
    {
        var (told, overruns) = (0, 0);
        while (true)
        {
            var errno = events.TryRead(out _);
            if (errno == Errno.TryAgain)
                return (told, overruns);
            if (errno == Errno.NoBufferSpace)
                overruns++;
            else
                told++;
        }
    }
}
