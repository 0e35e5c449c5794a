using System.Globalization;

namespace Redoubt.Core.Carp;

/// <summary>Why a virtual host is in the state it is in.</summary>
public enum CarpReason
{
    /// <summary>It was created and never ready.</summary>
    Created,

    /// <summary>Link up, addresses there, enabled: it began to listen.</summary>
    Ready,

    /// <summary>Link down, disabled or without addresses.</summary>
    NotReady,

    /// <summary>No advertisement was heard for the master-down time.</summary>
    MasterTimedOut,

    /// <summary>A faster master advertises.</summary>
    BetterMaster,

    /// <summary>An equally fast master advertises and stays.</summary>
    EqualMaster,

    /// <summary>The master is slower and preemption is on.</summary>
    PreemptedSlowerMaster,

    /// <summary>The master advertises too seldom to be trusted, or has resigned.</summary>
    MasterTooSlow,

    /// <summary>The master is more demoted than this node (OpenBSD's rules).</summary>
    MasterMoreDemoted,

    /// <summary>The lease that lets the kernel answer for the addresses lapsed.</summary>
    LeaseLost,

    /// <summary>This node slept longer than its peers wait.</summary>
    Overslept,

    /// <summary>The operator asked for it.</summary>
    Operator,

    /// <summary>The program stops.</summary>
    Stopped,

    /// <summary>The failover group decided by heartbeats; which of its reasons, the group knows.</summary>
    Group,

    /// <summary>It owns the addresses (VRRP priority 255), so it does not listen first.</summary>
    Owner,
}

/// <summary>Reasons in words.</summary>
public static class CarpReasonText
{
    /// <summary>A short English clause. <paramref name="peer"/> names the other node, <paramref name="silence"/> is how long nothing was heard.</summary>
    public static string Text(CarpReason reason, string? peer = null, TimeSpan? silence = null)
    {
        var named = string.IsNullOrEmpty(peer) ? "" : $" ({peer})";
        return reason switch
        {
            CarpReason.Created => "created",
            CarpReason.Ready => "initialization complete",
            CarpReason.NotReady => "link down or disabled",
            CarpReason.MasterTimedOut when silence is { } s => string.Create(
                CultureInfo.InvariantCulture,
                $"no advertisement heard for {s.TotalSeconds:F1} s"
            ),
            CarpReason.MasterTimedOut => "no advertisement heard in time",
            CarpReason.BetterMaster => $"a better master{named} advertises",
            CarpReason.EqualMaster => $"an equal master{named} advertises and stays",
            CarpReason.PreemptedSlowerMaster => $"preempted a slower master{named}",
            CarpReason.MasterTooSlow => $"the master{named} resigned or advertises too seldom",
            CarpReason.MasterMoreDemoted => $"the master{named} is more demoted",
            CarpReason.LeaseLost => "lease lost",
            CarpReason.Overslept => "slept longer than its peers wait",
            CarpReason.Operator => "operator",
            CarpReason.Stopped => "stopped",
            CarpReason.Group => $"its failover group moved{named}",
            CarpReason.Owner => "owns the addresses",
            _ => "unknown",
        };
    }
}
