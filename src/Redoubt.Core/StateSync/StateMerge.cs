namespace Redoubt.Core.StateSync;

/// <summary>
/// Which of two accounts of one tuple stands. A total order, of which every node keeps the greatest: so the order in which accounts arrive, and
/// how often, makes no difference.
/// </summary>
public static class StateMerge
{
    /// <summary>
    /// Positive where <paramref name="a"/> stands, negative where <paramref name="b"/> does, 0 when they say the same: later life of the tuple, then
    /// later term, then lower owner, then an end before a life, then later revision (serial arithmetic), then what got farther. What is left of the timeout is no part of the account.
    /// </summary>
    public static int Compare(in ReplicatedState a, bool aEnded, in ReplicatedState b, bool bEnded)
    {
        var order = a.Identity.CompareTo(b.Identity);
        if (order == 0)
            order = a.Term.CompareTo(b.Term);
        if (order == 0)
            order = b.Owner.CompareTo(a.Owner);
        if (order == 0)
            order = aEnded.CompareTo(bEnded);
        if (order != 0 || aEnded)
            return order;
        order = (short)(a.Revision - b.Revision);
        if (order == 0)
            order = StateTimeouts.Progress(a.Entry.TcpState).CompareTo(StateTimeouts.Progress(b.Entry.TcpState));
        if (order == 0)
            order = a.Entry.Status.CompareTo(b.Entry.Status);
        if (order == 0)
            order = a.Entry.Mark.CompareTo(b.Entry.Mark);
        return order;
    }
}
