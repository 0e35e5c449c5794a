namespace Redoubt.Core.StateSync;

/// <summary>
/// Which flows are replicated at all. Not: those that a rule marked <see cref="ConntrackEntry.MarkNotReplicated"/>, those that the operator's filters leave out, flows of the nodes' own addresses (the sync link's among them), loopback, multicast, broadcast,
/// the protocols CARP/VRRP (112) and pfsync (240). Asked for what leaves and, as peers may lie, for what comes in.
/// </summary>
public sealed class StateScope(IEnumerable<(byte Family, IpAddressValue Address)> exempt, StateFilters? filters = null)
{
    private readonly StateFilters _filters = filters ?? StateFilters.None;
    private readonly HashSet<(byte, IpAddressValue)> _exempt = [.. exempt];

    /// <summary>True where this entry belongs on the peers too.</summary>
    public bool Includes(in ConntrackEntry entry) =>
        entry.Original.Family is 2 or 10
        && entry.Original.Protocol is not (0 or 112 or 240)
        && (entry.Status & ConntrackEntry.StatusDying) == 0
        && (entry.Mark & ConntrackEntry.MarkNotReplicated) == 0
        && IsForwardable(entry.Original)
        && IsForwardable(entry.Reply)
        && _filters.Pass(entry);

    private bool IsForwardable(in ConntrackTuple tuple) =>
        IsForwardable(tuple.Family, tuple.Source) && IsForwardable(tuple.Family, tuple.Destination);

    private bool IsForwardable(byte family, IpAddressValue address)
    {
        var special =
            family == 2
                ? (byte)(address.Low >> 24) is 0 or 127 or >= 224
                : address.High >> 56 == 0xff || (address.High == 0 && address.Low <= 1) || address.High >> 54 == 0xfe80 >> 6;
        return !special && !_exempt.Contains((family, address));
    }
}
