using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// Flows that helpers expect. They travel behind the state of the connection that announced them, and are found there again by a bulk. There are few and
// they live seconds, so they stand in one short list.
public sealed partial class StateSyncEngine
{
    private const int MaxExpected = 1024;
    private const int MaxExpectedOfOne = 6;
    private readonly List<Expected> _expected = [];

    /// <summary>The kernel expects a flow, or does not any more.</summary>
    public void TakeExpectation(Instant now, in ExpectedFlow flow, bool isGone, bool isEcho)
    {
        _now = now;
        Settle();
        if (isEcho || !IsForwarding)
            return;
        var number = _store.Find(flow.Master);
        if (number < 0 || _store[number].Phase != SlotPhase.Live)
            return;
        // The helper may have changed the length of what announced it: the shift of the sequence numbers makes no news of its own.
        if (_table.TryGet(flow.Master, isReply: false, out var master) && master.Original == flow.Master)
            Meet(master);
        if (Remember(flow, isGone))
            QueueToAll(number);
    }

    /// <summary>Expected flows known.</summary>
    public int ExpectedCount => _expected.Count;

    // False where there is nothing to tell, or no room.
    private bool Remember(in ExpectedFlow flow, bool isGone)
    {
        var ofThis = 0;
        var at = -1;
        for (var i = _expected.Count - 1; i >= 0; i--)
        {
            if (_now >= _expected[i].Until)
            {
                _expected.RemoveAt(i);
                at--;
                continue;
            }
            if (_expected[i].Flow.Master != flow.Master)
                continue;
            ofThis++;
            if (_expected[i].Flow.Tuple == flow.Tuple)
                at = i;
        }
        if (isGone && at < 0)
            return false;
        var until = _now + (isGone ? _endedKept : TimeSpan.FromSeconds(flow.TimeoutSeconds));
        if (at >= 0)
            _expected[at] = new Expected(flow, isGone, until);
        else if (ofThis >= MaxExpectedOfOne || _expected.Count >= MaxExpected)
        {
            Counters.StoreFull++;
            return false;
        }
        else
            _expected.Add(new Expected(flow, isGone, until));
        return true;
    }

    /// <summary>Writes what is expected of a state behind it; false when that does not fit any more.</summary>
    private bool WriteExpected(ref StateSlot slot, ref PfsyncWriter writer, Span<byte> buffer)
    {
        foreach (var expected in _expected)
        {
            if (expected.Flow.Master != slot.State.Entry.Original || _now >= expected.Until)
                continue;
            var action = LinuxExpectation.ActionOf(expected.Flow);
            var message = writer.Append(buffer, action, LinuxExpectation.LengthOf(action));
            if (message.IsEmpty)
                return false;
            var left = (uint)Math.Clamp((expected.Until - _now).TotalSeconds, 1, StateTimeouts.Longest);
            LinuxExpectation.Write(message, expected.Flow with { TimeoutSeconds = left }, slot.State.Identity, expected.IsGone);
            Counters.ExpectationsSent++;
        }
        return true;
    }

    private bool TakeExpected(ReadOnlySpan<byte> message, PfsyncAction action)
    {
        if (!LinuxExpectation.TryRead(message, action, out var flow, out var master, out var isGone))
            return false;
        Counters.ExpectationsReceived++;
        Settle();
        var number = _store.Find(flow.Master);
        if (number < 0 || _store[number] is not { Phase: SlotPhase.Live, InKernel: true } || _store[number].State.Identity != master)
            return true;
        if (!Remember(flow, isGone))
            return true;
        if (isGone)
            _table.Unexpect(flow);
        else if (_table.Expect(flow) is not (TableAnswer.Done or TableAnswer.Exists))
            Counters.ExpectationFailures++;
        return true;
    }

    private readonly record struct Expected(ExpectedFlow Flow, bool IsGone, Instant Until);
}
