namespace Redoubt.Lab.Traffic;

/// <summary>
/// A run of consecutive numbers that were never answered, or a silence between answers. <paramref name="Start"/> is the time of the
/// last answer before it, from the start of the probe; <paramref name="Lost"/> counts the numbers sent within it that stayed unanswered.
/// </summary>
public sealed record ProbeGap(TimeSpan Start, TimeSpan Length, int Lost);

/// <summary>A named moment, from the start of the probe.</summary>
public sealed record ProbeMark(string Name, TimeSpan At);

/// <summary>What a numbered stream of datagrams saw.</summary>
/// <param name="Sent">Numbers handed to the kernel, including those it refused.</param>
/// <param name="Received">Numbers answered at least once.</param>
/// <param name="Duplicated">Answers to a number already answered.</param>
/// <param name="Reordered">First answers that came after the answer to a higher number.</param>
/// <param name="SendErrors">Sends the kernel refused; their numbers count as sent and lost.</param>
/// <param name="Foreign">Datagrams that were no answer to this probe.</param>
/// <param name="LongestGap">Longest time without an answer, the beginning and end of the run included.</param>
/// <param name="Gaps">Every silence above <see cref="UdpProbe.GapThreshold"/>, in order of time.</param>
/// <param name="Marks">The marks, in order of time.</param>
public sealed record UdpProbeResult(
    int Sent,
    int Received,
    int Duplicated,
    int Reordered,
    int SendErrors,
    int Foreign,
    TimeSpan LongestGap,
    IReadOnlyList<ProbeGap> Gaps,
    IReadOnlyList<ProbeMark> Marks
)
{
    /// <summary>Numbers never answered.</summary>
    public int Lost => Sent - Received;

    /// <summary>The longest gap that ended after the mark and before the next mark began; null when there was none above the threshold.</summary>
    public ProbeGap? OutageAfter(string mark)
    {
        var from = Marks.First(m => m.Name == mark).At;
        var next = Marks.Where(m => m.At > from).Select(m => m.At).DefaultIfEmpty(TimeSpan.MaxValue).Min();
        return Gaps.Where(g => g.Start + g.Length > from && g.Start < next).MaxBy(g => g.Length);
    }
}
