using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>redoubt/failover/service: what runs only while this node is master.</summary>
/// <param name="Name">For people.</param>
/// <param name="Unit">A systemd unit; null where it is a command.</param>
/// <param name="Command">Argument vector of a program that stays in the foreground; empty where it is a unit.</param>
/// <param name="Group">The failover group that it follows; null where it follows a vhid.</param>
/// <param name="Vip">The vhid that it follows, "lan@1"; null where it follows a group.</param>
public sealed record RoleService(string Name, string? Unit, ImmutableArray<string> Command, string? Group, string? Vip)
{
    /// <inheritdoc/>
    public bool Equals(RoleService? other) =>
        other is not null
        && (Name, Unit, Group, Vip) == (other.Name, other.Unit, other.Group, other.Vip)
        && Command.SequenceEqual(other.Command);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Unit, Group, Vip, Command.Length);
}

/// <summary>redoubt/failover/routeradvertisement: what the master tells the hosts of one interface about their IPv6 router.</summary>
/// <param name="Interface">Logical interface.</param>
/// <param name="Vip">The vhid whose role it follows, "lan@1".</param>
/// <param name="Vhid">Its number.</param>
/// <param name="IsVrrp6">Whether that is a virtual router of IPv6, whose device has another name.</param>
/// <param name="Device">Kernel device of the interface.</param>
/// <param name="Source">The link-local virtual address: the router, whoever is master.</param>
/// <param name="Prefixes">Networks on the link, by which hosts make their addresses.</param>
/// <param name="Lifetime">How long hosts keep the router, seconds.</param>
/// <param name="Resolvers">Recursive DNS servers.</param>
public sealed record RouterAdvertisement(
    string Interface,
    string Vip,
    byte Vhid,
    bool IsVrrp6,
    string Device,
    AddressPrefix Source,
    ImmutableArray<AddressPrefix> Prefixes,
    int Lifetime,
    ImmutableArray<AddressPrefix> Resolvers
)
{
    /// <summary>The program that sends them, where Debian has it.</summary>
    public const string Program = "/usr/sbin/radvd";

    /// <summary>Where it stands in the file; no part of what it is.</summary>
    public int Line { get; init; }

    /// <summary>Whether the vhid uses the real MAC, and so has no device of its own.</summary>
    public bool UsesRealMac { get; init; }

    /// <summary>What there is to say where <see cref="Program"/> is not there.</summary>
    public ConfigurationProblem WithoutProgram(string file) =>
        new(
            false,
            file,
            Line,
            "redoubt/failover/routeradvertisement",
            $"{Program} is not installed here: nobody advertises a router on {Interface}",
            "Debian's package radvd"
        );

    /// <inheritdoc/>
    public bool Equals(RouterAdvertisement? other) =>
        other is not null
        && (Interface, Vip, Vhid, IsVrrp6, UsesRealMac, Device, Source, Lifetime)
            == (other.Interface, other.Vip, other.Vhid, other.IsVrrp6, other.UsesRealMac, other.Device, other.Source, other.Lifetime)
        && Prefixes.SequenceEqual(other.Prefixes)
        && Resolvers.SequenceEqual(other.Resolvers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Interface, Vip, Source, Lifetime, Prefixes.Length, Resolvers.Length);
}

/// <summary>redoubt/hooks: programs that are told of each transition.</summary>
/// <param name="Directory">Where they are; relative to the configuration file.</param>
/// <param name="Timeout">How long one may take.</param>
public sealed record HookSettings(string Directory, TimeSpan Timeout)
{
    /// <summary>What holds where the file says nothing.</summary>
    public static readonly HookSettings Default = new("hooks", TimeSpan.FromSeconds(30));
}
