using System.Diagnostics;
using Redoubt.Core;
using Redoubt.Linux;

namespace Redoubt.Lab.Tests.Packets;

/// <summary>What wakes a waiting thread and what does not.</summary>
public sealed class PollerTests : IDisposable
{
    private static readonly TimeSpan _short = TimeSpan.FromMilliseconds(100);
    private readonly EventDescriptor _event = new();
    private readonly Poller _poller = new();

    public void Dispose()
    {
        _poller.Dispose();
        _event.Dispose();
    }

    [Fact]
    public void A_quiet_descriptor_wakes_nobody_before_the_deadline()
    {
        var slot = _poller.Add(_event.Handle);
        var deadline = BootClock.Now + _short;
        _poller.Wait(deadline);
        Assert.False(_poller.IsReadable(slot));
        // A deadline is kept to the 100 ns in which spans count, or to a signal's early return.
        Assert.InRange(BootClock.Now - deadline, TimeSpan.FromMilliseconds(-1), Links.Eventually.Usual);
    }

    [Fact]
    public void A_signal_from_another_thread_wakes_at_once_and_names_its_slot()
    {
        using var other = new EventDescriptor();
        var quiet = _poller.Add(other.Handle);
        var slot = _poller.Add(_event.Handle);
        var clock = Stopwatch.StartNew();
        var signaller = new Thread(_event.Signal);
        signaller.Start();
        _poller.Wait(BootClock.Now + Links.Eventually.Usual);
        signaller.Join();
        Assert.True(clock.Elapsed < Links.Eventually.Usual / 2, "woke on the deadline");
        Assert.True(_poller.IsReadable(slot));
        Assert.False(_poller.IsReadable(quiet));
    }

    [Fact]
    public void Signals_collapse_until_drained_and_then_it_is_quiet_again()
    {
        var slot = _poller.Add(_event.Handle);
        for (var i = 0; i < 5; i++)
            _event.Signal();
        _poller.Wait(Instant.Zero);
        Assert.True(_poller.IsReadable(slot));
        _poller.Wait(Instant.Zero);
        Assert.True(_poller.IsReadable(slot), "not drained, so still readable");
        _event.Drain();
        _poller.Wait(Instant.Zero);
        Assert.False(_poller.IsReadable(slot));
        _event.Drain(); // nothing to take: must not block
        _event.Signal();
        _poller.Wait(Instant.Never);
        Assert.True(_poller.IsReadable(slot));
    }

    [Fact]
    public void A_deadline_in_the_past_only_looks()
    {
        var slot = _poller.Add(_event.Handle);
        var clock = Stopwatch.StartNew();
        _poller.Wait(BootClock.Now - TimeSpan.FromHours(1));
        Assert.True(clock.Elapsed < Links.Eventually.Usual / 2);
        Assert.False(_poller.IsReadable(slot));
    }

    [Fact]
    public void A_hundred_descriptors_keep_their_slots_and_one_closed_by_its_owner_stays_open()
    {
        var events = Enumerable.Range(0, 100).Select(_ => new EventDescriptor()).ToArray();
        var slots = events.Select(e => _poller.Add(e.Handle)).ToArray();
        events[77].Signal();
        events[77].Dispose();
        _poller.Wait(Instant.Zero);
        for (var i = 0; i < events.Length; i++)
            Assert.Equal(i == 77, _poller.IsReadable(slots[i]));
        foreach (var one in events)
            one.Dispose();
    }

    [Fact]
    public void More_descriptors_than_the_limit_are_refused()
    {
        for (var i = 0; i < Poller.SlotLimit; i++)
            _poller.Add(_event.Handle);
        Assert.Throws<InvalidOperationException>(() => _poller.Add(_event.Handle));
    }

    [Fact]
    public void Waiting_signalling_and_draining_allocate_nothing()
    {
        _poller.Add(_event.Handle);
        Round(10);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round(int count)
        {
            for (var i = 0; i < count; i++)
            {
                _event.Signal();
                _poller.Wait(BootClock.Now + _short);
                _event.Drain();
            }
        }
    }
}
