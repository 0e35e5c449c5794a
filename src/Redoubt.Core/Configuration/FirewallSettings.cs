using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>Whether a port forward is also seen from the inside.</summary>
public enum NatReflection
{
    /// <summary>Only from the interface that the rule names.</summary>
    Disabled,

    /// <summary>From every interface, with the client's address.</summary>
    Pure,

    /// <summary>From every interface; clients in the server's own network get the node's address, or the answers would pass it by.</summary>
    Translated,
}

/// <summary>An interface group (ifgroups/ifgroupentry).</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Members">Logical names.</param>
public sealed record InterfaceGroup(string Name, ImmutableArray<string> Members);

/// <summary>What other sections say about the firewall as a whole.</summary>
public sealed record FirewallSettings
{
    /// <summary>The web interface and ssh stay reachable from lan whatever the rules say; off by system/webgui/noantilockout.</summary>
    public bool AntiLockout { get; init; } = true;

    /// <summary>TCP ports of the web interface; peers reach them over the sync links for configuration synchronisation.</summary>
    public ImmutableArray<ushort> WebPorts { get; init; } = [443];

    /// <summary>TCP port of ssh.</summary>
    public ushort SshPort { get; init; } = 22;

    /// <summary>Reflection of port forwards that do not say.</summary>
    public NatReflection Reflection { get; init; }

    /// <summary>1:1 translations are reflected too, where the rule does not say.</summary>
    public bool ReflectOneToOne { get; init; }

    /// <summary>IANA name of the zone that schedules are meant in; empty: the machine's.</summary>
    public string TimeZone { get; init; } = "";

    /// <summary>
    /// redoubt/firewall/reachpeer: who comes through this node (from a VPN) to another node's address gets this node's address there, for
    /// the other node would send its answers into its own tunnel.
    /// </summary>
    public bool ReachPeer { get; init; }

    /// <summary>Interface groups.</summary>
    public ImmutableArray<InterfaceGroup> Groups { get; init; } = [];
}
