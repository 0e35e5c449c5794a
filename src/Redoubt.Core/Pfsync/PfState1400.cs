namespace Redoubt.Core.Pfsync;

/// <summary>State format 1400: FreeBSD 14.</summary>
/// <remarks><code>
/// 0..231 as in format 1301
/// 232  233    234        235..236     237  238  239      240         241
/// af   proto  direction  state_flags  log  0    timeout  sync_flags  updates
/// 242  244   246     248      250        254      255      256      258..259  260  261..276
/// qid  pqid  dnpipe  dnrpipe  rtableid   min_ttl  set_tos  max_mss  set_prio  rt   rt_ifname
/// </code></remarks>
public static class PfState1400
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 277;

    /// <summary>Where its fields stand.</summary>
    public static readonly PfStateLayout Layout = new()
    {
        Flavour = PfFlavour.FreeBsd,
        Length = Length,
        Family = 232,
        Protocol = 233,
        Direction = 234,
        Flags = 235,
        Log = 237,
        Timeout = 239,
        SyncFlags = 240,
        Updates = 241,
        Queues = 242,
        RoutingTable = 250,
        MinTtl = 254,
        MaxMss = 256,
        SetPriority = 258,
        Route = 260,
        RouteInterface = 261,
    };
}
