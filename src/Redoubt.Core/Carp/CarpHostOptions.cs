using System.Text;

namespace Redoubt.Core.Carp;

/// <summary>What the operator asked of one virtual host.</summary>
public sealed record CarpHostOptions
{
    /// <summary>Bytes of a key (carp.md section 2.1).</summary>
    public const int KeyLength = 20;

    /// <summary>Bytes of a passphrase that count: what ifconfig of FreeBSD and OpenBSD lets through.</summary>
    public const int PassphraseLimit = 19;

    /// <summary>Most addresses a virtual host may have in both families together.</summary>
    public const int AddressLimit = 1024;

    /// <summary>Virtual host id, 1 to 255.</summary>
    public required byte Vhid { get; init; }

    /// <summary>Seconds between advertisements.</summary>
    public byte AdvBase { get; init; } = 1;

    /// <summary>Added to it, in 1/256 s.</summary>
    public byte AdvSkew { get; init; }

    /// <summary>Whether a slower master is relieved.</summary>
    public bool Preempt { get; init; } = true;

    /// <summary>Passphrase; its UTF-8 bytes beyond <see cref="PassphraseLimit"/> are cut as BSD does.</summary>
    public string Password { get; init; } = "";

    /// <summary>Twenty raw key bytes instead of a passphrase; empty where the passphrase counts.</summary>
    public ReadOnlyMemory<byte> RawKey { get; init; }

    /// <summary>IPv4 addresses in any order; duplicates collapse.</summary>
    public IReadOnlyList<IpAddressValue> IPv4Addresses { get; init; } = [];

    /// <summary>IPv6 addresses in any order; duplicates collapse.</summary>
    public IReadOnlyList<IpAddressValue> IPv6Addresses { get; init; } = [];

    /// <summary>
    /// The addresses as they were before a change, where peers may still have them: for <see cref="CarpVirtualHost.FormerUntil"/> their digest is accepted and
    /// sent, too, so that a change on one node after the other never makes two masters. Empty: none.
    /// </summary>
    public IReadOnlyList<IpAddressValue> FormerIPv4Addresses { get; init; } = [];

    /// <summary>The same for IPv6.</summary>
    public IReadOnlyList<IpAddressValue> FormerIPv6Addresses { get; init; } = [];

    /// <summary>
    /// IPv4 peers that are spoken to by unicast: advertisements go to them alone and are taken from them alone, and they may be routed away, so that their
    /// TTL is not checked. Empty: multicast.
    /// </summary>
    public IReadOnlyList<IpAddressValue> PeersIPv4 { get; init; } = [];

    /// <summary>The same for IPv6.</summary>
    public IReadOnlyList<IpAddressValue> PeersIPv6 { get; init; } = [];

    /// <summary>The unicast peers of a family.</summary>
    public IReadOnlyList<IpAddressValue> Peers(bool ipv6) => ipv6 ? PeersIPv6 : PeersIPv4;

    /// <summary>Whose rules are followed.</summary>
    public CarpFlavour Flavour { get; init; }

    /// <summary>ucarp's dead ratio: missed intervals until the master counts as dead.</summary>
    public byte DeadRatio { get; init; } = 3;

    /// <summary>The link-layer address OpenBSD hashes when its operator set one (carp.md section 2.4); null by default.</summary>
    public MacAddress? HashedMac { get; init; }

    /// <summary>Everything that is wrong with these options, one clause each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Vhid == 0)
            yield return "vhid: must be 1 to 255";
        if (AdvBase == 0 && Flavour == CarpFlavour.FreeBsd)
            yield return "advbase: must be 1 to 255";
        if (AdvSkew == 255 && Flavour != CarpFlavour.Ucarp)
            yield return "advskew: must be 0 to 254";
        if (IPv4Addresses.Count + IPv6Addresses.Count > AddressLimit)
            yield return $"addresses: at most {AddressLimit}";
        if (RawKey.Length is not (0 or KeyLength))
            yield return $"key: must be {KeyLength} bytes";
    }

    /// <summary>Writes the twenty key bytes: the raw key, or the passphrase cut and padded with zeros.</summary>
    public void WriteKey(Span<byte> key)
    {
        key[..KeyLength].Clear();
        if (RawKey.Length == KeyLength)
        {
            RawKey.Span.CopyTo(key);
            return;
        }
        var bytes = Encoding.UTF8.GetBytes(Password);
        bytes.AsSpan(0, Math.Min(bytes.Length, PassphraseLimit)).CopyTo(key);
    }

    /// <summary>Without the passphrase and the key.</summary>
    public override string ToString() => $"vhid {Vhid} advbase {AdvBase} advskew {AdvSkew}";
}
