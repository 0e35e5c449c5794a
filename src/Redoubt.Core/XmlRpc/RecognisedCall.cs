using System.Collections.Immutable;

namespace Redoubt.Core.XmlRpc;

/// <summary>What a piece of PHP or a command means, for those that public clients really send. Nothing else has a name here, so nothing else can be done.</summary>
public enum RecognisedCall : byte
{
    /// <summary>The constant true.</summary>
    True,

    /// <summary>A text of the snippet's own.</summary>
    Text,

    /// <summary>Whether CARP is enabled.</summary>
    CarpStatus,

    /// <summary>State of one virtual address by its uniqid: argument <c>_vip65a1b2c3d4e51</c>.</summary>
    CarpInterfaceStatus,

    /// <summary>The gateways of the configuration.</summary>
    Gateways,

    /// <summary>What gateway monitoring says.</summary>
    GatewayStatus,

    /// <summary>A part of the configuration, secrets left out: argument <c>system/hostname</c>; empty for all of it.</summary>
    Configuration,

    /// <summary>The voucher settings of a zone for the node that copies them, without those of the copying itself: argument is the zone.</summary>
    Voucher,

    /// <summary>An identity of this machine that stays.</summary>
    UniqueId,

    /// <summary>The machine's serial number.</summary>
    Serial,

    /// <summary>The kind of machine.</summary>
    Platform,

    /// <summary>Interface names and descriptions.</summary>
    InterfaceDescriptions,

    /// <summary>The services of this node.</summary>
    Services,

    /// <summary>Whether a service runs: argument is its name.</summary>
    ServiceRunning,

    /// <summary>Whether a service is enabled: argument is its name.</summary>
    ServiceEnabled,

    /// <summary>DHCP leases.</summary>
    DhcpLeases,

    /// <summary>The neighbours that the kernel knows.</summary>
    ArpTable,

    /// <summary>Action: load the firewall anew.</summary>
    ReloadFilter,

    /// <summary>Action: apply the virtual addresses.</summary>
    ReloadAddresses,

    /// <summary>Action: start, stop or restart a service; the argument is its name.</summary>
    ControlService,

    /// <summary>Action: what a package does after its settings were copied; the argument is the package.</summary>
    PackageSync,

    /// <summary>Action: reboot.</summary>
    Reboot,
}

/// <summary>A recognised call with its argument.</summary>
/// <param name="Call">Which.</param>
/// <param name="Argument">A name or path of checked characters; empty where the call takes none.</param>
public readonly record struct RecognisedQuery(RecognisedCall Call, string Argument = "")
{
    /// <summary>True when it does something instead of telling something.</summary>
    public bool IsAction => Call >= RecognisedCall.ReloadFilter;
}

/// <summary>A recognised snippet.</summary>
/// <param name="Actions">What it does, in order.</param>
/// <param name="Answers">What it returns: one value of the name "" alone, or members of a struct. Empty: true is returned.</param>
/// <param name="AsJson">The answer is wanted as JSON text in a struct's member <c>real</c>.</param>
public sealed record RecognisedSnippet(
    ImmutableArray<RecognisedQuery> Actions,
    ImmutableArray<KeyValuePair<string, RecognisedQuery>> Answers,
    bool AsJson
);
