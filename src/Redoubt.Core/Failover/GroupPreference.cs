namespace Redoubt.Core.Failover;

/// <summary>
/// How much a node wants a group: the whole ledger first (CARP's clamp to 240 loses information), then the advertised interval, then the node id. No two nodes
/// are equal.
/// </summary>
/// <param name="Ledger">Sum of the demotion ledger, not clamped.</param>
/// <param name="AdvBase">Configured advbase.</param>
/// <param name="AdvSkew">Configured advskew.</param>
/// <param name="Node">Node id.</param>
public readonly record struct GroupPreference(int Ledger, byte AdvBase, byte AdvSkew, byte Node)
{
    /// <summary>Whether this node should rather hold the group than <paramref name="other"/>.</summary>
    public bool IsBetterThan(in GroupPreference other)
    {
        if (Ledger != other.Ledger)
            return Ledger < other.Ledger;
        var (own, their) = ((AdvBase << 8) + AdvSkew, (other.AdvBase << 8) + other.AdvSkew);
        return own != their ? own < their : Node < other.Node;
    }
}
