namespace Redoubt.Core.StateSync;

/// <summary>
/// Timeout classes: the defaults of Linux (Documentation/networking/nf_conntrack-sysctl.rst), in seconds. A backup installs the
/// class timeout plus a margin, so that an entry never ends there before it ends at its owner.
/// </summary>
public static class StateTimeouts
{
    /// <summary>No timeout beyond this is believed: 10 days.</summary>
    public const uint Longest = 864_000;

    /// <summary>The full timeout of the class the entry is in; at least what is left of it.</summary>
    public static uint ClassOf(in ConntrackEntry entry)
    {
        var replied = (entry.Status & ConntrackEntry.StatusAssured) != 0;
        var full = entry.Original.Protocol switch
        {
            6 => entry.TcpState switch
            {
                2 => 60u, // SYN_RECV
                3 => 432_000u, // ESTABLISHED
                5 => 60u, // CLOSE_WAIT
                6 => 30u, // LAST_ACK
                8 => 10u, // CLOSE
                _ => 120u, // SYN_SENT, FIN_WAIT, TIME_WAIT, SYN_SENT2
            },
            17 or 136 => replied ? 120u : 30u,
            1 or 58 => 30u,
            47 => replied ? 180u : 30u,
            _ => 600u,
        };
        return Math.Min(Math.Max(full, entry.TimeoutSeconds), Longest);
    }

    /// <summary>What a backup adds: two scans of the table, or an eighth of long classes, so that those are seldom refreshed.</summary>
    public static uint Margin(uint classSeconds, uint scanSeconds) => Math.Max(2 * scanSeconds, classSeconds / 8);

    /// <summary>How far a TCP connection has got; only forward within an incarnation. States of enum tcp_conntrack.</summary>
    public static int Progress(byte tcpState) =>
        tcpState switch
        {
            1 => 1, // SYN_SENT
            9 => 2, // SYN_SENT2
            2 => 3, // SYN_RECV
            3 => 4, // ESTABLISHED
            4 => 5, // FIN_WAIT
            5 => 6, // CLOSE_WAIT
            6 => 7, // LAST_ACK
            7 => 8, // TIME_WAIT
            8 => 9, // CLOSE
            _ => 0,
        };
}
