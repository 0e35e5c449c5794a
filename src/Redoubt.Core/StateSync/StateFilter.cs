using System.Collections.Immutable;

namespace Redoubt.Core.StateSync;

/// <summary>Which flows one condition means: all that it names must hold. One that names nothing means every flow.</summary>
public sealed record StateFilter
{
    /// <summary>Most conditions in one list.</summary>
    public const int MaxFilters = 64;

    /// <summary>IP protocol; null: any.</summary>
    public byte? Protocol { get; init; }

    /// <summary>Conntrack zone of the first direction; null: any.</summary>
    public ushort? Zone { get; init; }

    /// <summary>Family of <see cref="Network"/> (2, 10); 0: any address.</summary>
    public byte Family { get; init; }

    /// <summary>A network that one of the flow's addresses lies in, before or behind translation.</summary>
    public IpAddressValue Network { get; init; }

    /// <summary>Length of the network's prefix.</summary>
    public byte PrefixLength { get; init; }

    /// <summary>Destination port of the first packet; null: any.</summary>
    public ushort? Port { get; init; }

    /// <summary>True where this means the flow.</summary>
    public bool Matches(in ConntrackEntry entry) =>
        (Protocol is null || Protocol == entry.Original.Protocol)
        && (Zone is null || Zone == entry.Original.Zone)
        && (Port is null || (entry.HasPorts && Port == entry.Original.DestinationPort))
        && (Family == 0 || Touches(entry.Original) || Touches(entry.Reply));

    private bool Touches(in ConntrackTuple tuple) => tuple.Family == Family && (Contains(tuple.Source) || Contains(tuple.Destination));

    private bool Contains(IpAddressValue address)
    {
        // An IPv4 address stands in the lowest 32 bits.
        var length = Family == 2 ? PrefixLength + 96 : PrefixLength;
        var high =
            length >= 64 ? ulong.MaxValue
            : length == 0 ? 0
            : ulong.MaxValue << (64 - length);
        var low = length <= 64 ? 0 : ulong.MaxValue << (128 - length);
        return (address.High & high) == (Network.High & high) && (address.Low & low) == (Network.Low & low);
    }
}

/// <summary>What the operator takes out of the replication, or restricts it to.</summary>
/// <param name="Accept">Where not empty: only these flows.</param>
/// <param name="Ignore">Never these.</param>
public sealed record StateFilters(ImmutableArray<StateFilter> Accept, ImmutableArray<StateFilter> Ignore)
{
    /// <summary>Everything is replicated.</summary>
    public static readonly StateFilters None = new([], []);

    /// <summary>Whether the flow passes both lists.</summary>
    public bool Pass(in ConntrackEntry entry)
    {
        foreach (var filter in Ignore)
        {
            if (filter.Matches(entry))
                return false;
        }
        if (Accept.IsEmpty)
            return true;
        foreach (var filter in Accept)
        {
            if (filter.Matches(entry))
                return true;
        }
        return false;
    }
}
