namespace Redoubt.Daemon.Systemd;

/// <summary>How often the loops of a node have turned.</summary>
/// <param name="Node">The node; another one has counters of its own.</param>
/// <param name="Election">Turns of the election.</param>
/// <param name="StateSync">Turns of the state sync; null where there is none.</param>
internal readonly record struct LoopPulse(object Node, long Election, long? StateSync)
{
    /// <summary>Which loop has not turned since <paramref name="before"/>; null: all have. Of a node that was started anew since then nothing is known yet, and nothing is wrong.</summary>
    public string? StandsStill(LoopPulse before)
    {
        if (!ReferenceEquals(Node, before.Node))
            return null;
        return Election == before.Election ? "the election"
            : StateSync is not null && StateSync == before.StateSync ? "the state sync"
            : null;
    }
}
