namespace Redoubt.Lab.Nodes;

/// <summary>What all kinds of firewalls have in common.</summary>
public abstract record NodeOptions
{
    /// <summary>Password of both virtual hosts.</summary>
    public string Password { get; init; } = "lab-carp-key";

    /// <summary>Base of the advertisement interval, seconds.</summary>
    public int AdvBase { get; init; } = 1;

    /// <summary>Skew in 1/256 s; null: 0, 100, 200 for fw1, fw2, fw3.</summary>
    public int? AdvSkew { get; init; }

    /// <summary>Whether a better node takes the addresses from a worse one that lives.</summary>
    public bool Preempt { get; init; } = true;
}

/// <summary>A firewall that runs redoubtd.</summary>
public sealed record RedoubtOptions : NodeOptions
{
    /// <summary>Replicates states to the other Redoubt nodes over the sync link.</summary>
    public bool StateSync { get; init; } = true;

    /// <summary>Translation keeps the client's source port where it can, as a plain nft rule does; else it is drawn at random.</summary>
    public bool StaticPort { get; init; }

    /// <summary>XML put at the end of the section redoubt.</summary>
    public string RedoubtXml { get; init; } = "";

    /// <summary>XML put at the end of the configuration, before its end tag.</summary>
    public string ExtraXml { get; init; } = "";
}

/// <summary>A firewall that runs ucarp, once per virtual address. IPv4 only; it uses its real MAC.</summary>
public sealed record UcarpOptions : NodeOptions;

/// <summary>How conntrackd replicates.</summary>
public enum ConntrackdMode
{
    /// <summary>It does not run.</summary>
    Off,

    /// <summary>Reliable, with numbers and resends.</summary>
    Ftfw,

    /// <summary>Best effort.</summary>
    NoTrack,
}

/// <summary>A firewall that runs keepalived and, where wanted, conntrackd. IPv4 only.</summary>
public sealed record KeepalivedOptions : NodeOptions
{
    /// <summary>Uses VRRP's virtual MAC by a macvlan device.</summary>
    public bool UseVmac { get; init; }

    /// <summary>With <see cref="UseVmac"/>: advertisements leave from the real device, with its MAC.</summary>
    public bool SendFromRealDevice { get; init; } = true;

    /// <summary>VRRP's version, 2 or 3.</summary>
    public int Version { get; init; } = 3;

    /// <summary>Also runs a virtual router for each IPv6 address (version 3).</summary>
    public bool IPv6 { get; init; }

    /// <summary>Another virtual address on the LAN than the lab's.</summary>
    public string LanVip { get; init; } = Topology.LanVip;

    /// <summary>Seconds between advertisements, in hundredths at the finest.</summary>
    public double AdvertInterval { get; init; } = 1;

    /// <summary>Replication of states.</summary>
    public ConntrackdMode Conntrackd { get; init; } = ConntrackdMode.Ftfw;
}
