namespace Redoubt.Core.Pfsync;

/// <summary>State format 1500: FreeBSD 15.</summary>
/// <remarks><code>
/// 0..231 as in format 1301
/// 232..295  296..311   312..327     328       332          334  336   338     340      342
/// tagname   rt_ifname  orig_ifname  rtableid  state_flags  qid  pqid  dnpipe  dnrpipe  max_mss
/// 344      345       346    347         348          349  350      351        352  353      354      355..356  357..359
/// wire_af  stack_af  rt_af  wire_proto  stack_proto  log  timeout  direction  rt   min_ttl  set_tos  set_prio  0
/// </code></remarks>
public static class PfState1500
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 360;

    /// <summary>Where its fields stand.</summary>
    public static readonly PfStateLayout Layout = new()
    {
        Flavour = PfFlavour.FreeBsd,
        Length = Length,
        Tag = 232,
        RouteInterface = 296,
        OriginalInterface = 312,
        RoutingTable = 328,
        Flags = 332,
        Queues = 334,
        MaxMss = 342,
        WireFamily = 344,
        StackFamily = 345,
        RouteFamily = 346,
        Protocol = 347,
        StackProtocol = 348,
        Log = 349,
        Timeout = 350,
        Direction = 351,
        Route = 352,
        MinTtl = 353,
        SetPriority = 355,
    };
}
