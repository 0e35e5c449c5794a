using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization;
using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Control;

/// <summary>The size of the state table.</summary>
/// <param name="Entries">States the daemon sees in the kernel.</param>
/// <param name="Maximum">The kernel's limit (nf_conntrack_max); null when unknown.</param>
public sealed record StateCount(long Entries, long? Maximum = null);

/// <summary>One tracked connection for people and scripts.</summary>
public sealed record StateRow
{
    /// <summary>"tcp", "udp", "icmp", ... or the protocol's number.</summary>
    public required string Protocol { get; init; }

    /// <summary>Tracker state of TCP, "ESTABLISHED"; null for other protocols.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? State { get; init; }

    /// <summary>Source of the first packet; "address:port", "[address]:port", or the address alone.</summary>
    public required string Source { get; init; }

    /// <summary>Destination of the first packet.</summary>
    public required string Destination { get; init; }

    /// <summary>Source of answers; differs from the destination where that was translated.</summary>
    public required string ReplySource { get; init; }

    /// <summary>Destination of answers; differs from the source where that was translated.</summary>
    public required string ReplyDestination { get; init; }

    /// <summary>Seconds until the entry expires.</summary>
    public required uint TimeoutSeconds { get; init; }

    /// <summary>True when both directions were seen and the kernel keeps the entry under pressure.</summary>
    public required bool Assured { get; init; }

    /// <summary>Conntrack zone, left out when 0.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ushort Zone { get; init; }

    /// <summary>Connection mark, left out when 0.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public uint Mark { get; init; }

    /// <summary>Describes a tracked connection.</summary>
    public static StateRow From(in ConntrackEntry entry) =>
        new()
        {
            Protocol = ProtocolName(entry.Original.Protocol),
            State = entry.HasTcp ? TcpStateName(entry.TcpState) : null,
            Source = EndPoint(entry.Original, entry.HasPorts, entry.Original.Source, entry.Original.SourcePort),
            Destination = EndPoint(entry.Original, entry.HasPorts, entry.Original.Destination, entry.Original.DestinationPort),
            ReplySource = EndPoint(entry.Original, entry.HasPorts, entry.Reply.Source, entry.Reply.SourcePort),
            ReplyDestination = EndPoint(entry.Original, entry.HasPorts, entry.Reply.Destination, entry.Reply.DestinationPort),
            TimeoutSeconds = entry.TimeoutSeconds,
            Assured = (entry.Status & ConntrackEntry.StatusAssured) != 0,
            Zone = entry.Original.Zone,
            Mark = entry.Mark,
        };

    private static string EndPoint(in ConntrackTuple tuple, bool hasPorts, IpAddressValue value, ushort port)
    {
        var isIPv6 = tuple.Family == 10;
        IPAddress address = value.ToIPAddress(isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
        return !hasPorts ? address.ToString()
            : isIPv6 ? $"[{address}]:{port}"
            : $"{address}:{port}";
    }

    private static string ProtocolName(byte protocol) =>
        protocol switch
        {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            33 => "dccp",
            47 => "gre",
            58 => "icmpv6",
            132 => "sctp",
            136 => "udplite",
            _ => protocol.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };

    // enum tcp_conntrack
    private static string TcpStateName(byte state) =>
        state switch
        {
            0 => "NONE",
            1 => "SYN_SENT",
            2 => "SYN_RECV",
            3 => "ESTABLISHED",
            4 => "FIN_WAIT",
            5 => "CLOSE_WAIT",
            6 => "LAST_ACK",
            7 => "TIME_WAIT",
            8 => "CLOSE",
            9 => "SYN_SENT2",
            _ => $"state {state}",
        };
}
