namespace Redoubt.Core.Pfsync;

/// <summary>The state of OpenBSD's version 6.</summary>
/// <remarks><code>
/// 0..7  8..23   24..63  64..103  104..135  136..167  168..183  184   188     192   196       200     204..219  220..235  236
/// id    ifname  wire    stack    src       dst       rt_addr   rule  anchor  nat   creation  expire  packets   bytes     creator
/// 240..247     248      250  251    252        253  254  255      256         257      258      259      260          262..263
/// rtableid[2]  max_mss  af   proto  direction  log  rt   timeout  sync_flags  updates  min_ttl  set_tos  state_flags  set_prio
/// </code></remarks>
public static class PfStateOpenBsd
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 264;

    /// <summary>Where its fields stand.</summary>
    public static readonly PfStateLayout Layout = new()
    {
        Flavour = PfFlavour.OpenBsd,
        Length = Length,
        KeySize = 40,
        Source = 104,
        RouteAddress = 168,
        Creator = 236,
        RoutingTable = 240,
        ReplyRoutingTable = 244,
        MaxMss = 248,
        Family = 250,
        Protocol = 251,
        Direction = 252,
        Log = 253,
        Route = 254,
        Timeout = 255,
        SyncFlags = 256,
        Updates = 257,
        MinTtl = 258,
        Flags = 260,
        SetPriority = 262,
    };
}
