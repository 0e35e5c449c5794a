namespace Redoubt.Core.Pfsync;

/// <summary>State format 1301: FreeBSD 13 and older.</summary>
/// <remarks><code>
/// 0..7  8..23   24..59  60..95  96..127  128..159  160..175  176   180     184   188       192     196..211  212..227  228
/// id    ifname  wire    stack   src      dst       rt_addr   rule  anchor  nat   creation  expire  packets   bytes     creator
/// 232  233    234        235..236  237  238          239      240         241
/// af   proto  direction  0         log  state_flags  timeout  sync_flags  updates
/// </code>FreeBSD 14 walks it with the stride of format 1400, so it is sent one state to a section.</remarks>
public static class PfState1301
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 242;

    /// <summary>Where its fields stand.</summary>
    public static readonly PfStateLayout Layout = new()
    {
        Flavour = PfFlavour.FreeBsd,
        Length = Length,
        Family = 232,
        Protocol = 233,
        Direction = 234,
        Log = 237,
        NarrowFlags = 238,
        Timeout = 239,
        SyncFlags = 240,
        Updates = 241,
    };
}
