using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.ConfigSync;

/// <summary>What becomes of a push that comes in, before anything of it is read.</summary>
public enum SyncAdmission : byte
{
    /// <summary>It is taken.</summary>
    Taken,

    /// <summary>The caller is this node's own target: pfSense's loop A↔B. It is answered with true and changes nothing.</summary>
    LoopWithTarget,

    /// <summary>This node is where it began.</summary>
    LoopToOrigin,

    /// <summary>This node is among those that it passed.</summary>
    LoopOnPath,

    /// <summary>It passed more nodes than a cluster has.</summary>
    TooFar,
}

/// <summary>The way of a push through the nodes. Between our own nodes it travels in two headers; pfSense knows none.</summary>
/// <param name="Origin">Id of the node where the change was made; 0 where it is not known.</param>
/// <param name="Hops">Ids of the nodes that it passed, the origin first.</param>
public sealed record SyncPath(int Origin, ImmutableArray<int> Hops)
{
    /// <summary>Of a caller that does not tell.</summary>
    public static SyncPath Unknown { get; } = new(0, []);

    /// <summary>pfSense's words for a push that is not taken because it goes in a circle.</summary>
    public const string LoopMessage = "Disallowing CARP sync loop";

    /// <summary>The second header: "1,2".</summary>
    public string Text => string.Join(',', Hops.Select(h => h.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Reads the two headers; null or empty ones are not there. False where they are nonsense.</summary>
    public static bool TryParse(string? origin, string? path, out SyncPath parsed)
    {
        parsed = Unknown;
        var hops = ImmutableArray<int>.Empty;
        if (!string.IsNullOrEmpty(path))
        {
            var words = path.Split(',');
            if (words.Length > SyncLimits.Hops)
                return false;
            foreach (var word in words)
            {
                if (!TryNode(word.Trim(), out var hop))
                    return false;
                hops = hops.Add(hop);
            }
        }
        var first = 0;
        if (!string.IsNullOrEmpty(origin) && !TryNode(origin.Trim(), out first))
            return false;
        parsed = new SyncPath(first > 0 ? first : hops.FirstOrDefault(), hops);
        return true;
    }

    /// <summary>The way on from this node.</summary>
    public SyncPath Through(int node) => new(Origin > 0 ? Origin : node, Hops.Add(node));

    /// <summary>Decides about a push. All forms of one address count as equal (IPv4 in IPv6, compressed or not).</summary>
    /// <param name="node">This node's id.</param>
    /// <param name="caller">The address that it comes from.</param>
    /// <param name="target">Where this node pushes to; null on the last node.</param>
    public SyncAdmission Admit(int node, IpAddressValue caller, AddressPrefix? target)
    {
        if (target is { } next && Plain(next.Address) == Plain(caller))
            return SyncAdmission.LoopWithTarget;
        if (Origin == node)
            return SyncAdmission.LoopToOrigin;
        if (Hops.Contains(node))
            return SyncAdmission.LoopOnPath;
        return Hops.Length >= SyncLimits.Hops ? SyncAdmission.TooFar : SyncAdmission.Taken;
    }

    /// <summary>Whether a push from this node may go on to a target: not where it has been, as far as that is known.</summary>
    public bool MayReach(int target) => target == 0 || (target != Origin && !Hops.Contains(target));

    // An IPv4 address may come inside an IPv6 one from a socket of both families.
    private static IpAddressValue Plain(IpAddressValue address) =>
        address.High == 0 && address.Low >> 32 == 0xFFFF ? new IpAddressValue(0, (uint)address.Low) : address;

    private static bool TryNode(string word, out int node) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out node) && node is >= 1 and <= ConfigurationLimits.Nodes;
}
