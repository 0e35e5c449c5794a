namespace Redoubt.Core.Failover;

/// <summary>How long the peers are asked to wait for this node, and so how long its leases last.</summary>
public enum HoldLevel : byte
{
    /// <summary>The profile's.</summary>
    Profile,

    /// <summary>Three times the profile's, because this machine was late.</summary>
    Slow,

    /// <summary>Ten times the profile's.</summary>
    Slowest,

    /// <summary>CARP's: no peer is heard, so nobody is to be quick for.</summary>
    Alone,
}
