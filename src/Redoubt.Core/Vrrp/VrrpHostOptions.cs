using System.Text;

namespace Redoubt.Core.Vrrp;

/// <summary>What the checksum of version 3 on IPv4 covers. IPv6 and version 2 leave no choice.</summary>
public enum VrrpChecksum
{
    /// <summary>The message and a pseudo header (RFC 5798 section 5.2.8): the default, and what keepalived expects.</summary>
    WithPseudoHeader,

    /// <summary>The message alone: some vendors, and keepalived's v3_checksum_as_v2.</summary>
    WithoutPseudoHeader,
}

/// <summary>What the operator asked of one virtual router. It has addresses of one family: VRRP elects each family by itself.</summary>
public sealed record VrrpHostOptions
{
    /// <summary>The priority of a router that owns the addresses.</summary>
    public const byte OwnerPriority = 255;

    /// <summary>The largest priority of one that does not.</summary>
    public const byte PriorityLimit = 254;

    /// <summary>Largest interval of version 3, in 1/100 s: 12 bits.</summary>
    public const int IntervalLimit = 4095;

    /// <summary>Bytes of a version 2 password.</summary>
    public const int PasswordLength = 8;

    /// <summary>Virtual router id, 1 to 255.</summary>
    public required byte Vrid { get; init; }

    /// <summary>2 (IPv4 only) or 3.</summary>
    public byte Version { get; init; } = 3;

    /// <summary>The family of the addresses.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>1 to 254, or 255 for the owner of the addresses.</summary>
    public byte Priority { get; init; } = 100;

    /// <summary>Time between advertisements: 0.01 to 40.95 s; with version 2 whole seconds, 1 to 255.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Intervals without an advertisement after which a master counts as dead.</summary>
    public byte DownAdverts { get; init; } = 3;

    /// <summary>Whether a master of lower priority is relieved.</summary>
    public bool Preempt { get; init; } = true;

    /// <summary>The addresses in the order in which they are advertised.</summary>
    public IReadOnlyList<IpAddressValue> Addresses { get; init; } = [];

    /// <summary>Which checksum is sent and accepted in version 3 on IPv4.</summary>
    public VrrpChecksum Checksum { get; init; }

    /// <summary>Version 2: clear-text password (authentication type 1); empty: type 0. Its bytes beyond <see cref="PasswordLength"/> are cut.</summary>
    public string Password { get; init; } = "";

    /// <summary>Advertisements go to these addresses alone, are taken from these alone, and their TTL is not checked; empty: multicast.</summary>
    public IReadOnlyList<IpAddressValue> Peers { get; init; } = [];

    /// <summary>Most addresses of a family: 255 by the count field, in IPv6 what an Ethernet frame holds.</summary>
    public static int AddressLimit(bool ipv6) => ipv6 ? 90 : 255;

    /// <summary>Everything that is wrong with these options, one clause each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Vrid == 0)
            yield return "vrid: must be 1 to 255";
        if (Version is not (2 or 3))
            yield return "version: must be 2 or 3";
        if (Version == 2 && IsIPv6)
            yield return "version: 2 has no IPv6";
        if (Priority == 0)
            yield return "priority: must be 1 to 255";
        if (DownAdverts == 0)
            yield return "down adverts: must be 1 to 255";
        if (Addresses.Count > AddressLimit(IsIPv6))
            yield return $"addresses: at most {AddressLimit(IsIPv6)}";
        var hundredths = Interval.TotalMilliseconds / 10;
        if (Version == 2 && (Interval.TotalSeconds is < 1 or > 255 || Interval.Ticks % TimeSpan.TicksPerSecond != 0))
            yield return "interval: must be 1 to 255 whole seconds";
        else if (Version == 3 && (hundredths is < 1 or > IntervalLimit || Interval.Ticks % (TimeSpan.TicksPerMillisecond * 10) != 0))
            yield return $"interval: must be 1 to {IntervalLimit} hundredths of a second";
    }

    /// <summary>Writes the eight bytes of version 2's authentication data.</summary>
    public void WritePassword(Span<byte> data)
    {
        data[..PasswordLength].Clear();
        var bytes = Encoding.UTF8.GetBytes(Password);
        bytes.AsSpan(0, Math.Min(bytes.Length, PasswordLength)).CopyTo(data);
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => $"vrid {Vrid} version {Version} priority {Priority}";
}
