using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>A virtual address that is in no election: an alias on an interface, a proxied one, one for translation only.</summary>
public sealed record AddressStatus
{
    /// <summary>ipalias, proxyarp or other.</summary>
    public required string Mode { get; init; }

    /// <summary>Logical interface name: lan, wan, optN, lo0.</summary>
    public required string Interface { get; init; }

    /// <summary>The kernel's device that holds or answers for it; null where none does.</summary>
    public string? Device { get; init; }

    /// <summary>"192.0.2.7/24", "192.0.2.16/28", "192.0.2.20-192.0.2.25".</summary>
    public required string Address { get; init; }

    /// <summary>
    /// ipalias: held, missing, duplicate (another host has it); proxyarp: answered, standby (another node answers), missing (the device cannot be used);
    /// other: translation.
    /// </summary>
    public required string State { get; init; }

    /// <summary>proxyarp: questions answered since its device was opened; left out for other modes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Answers { get; init; }
}
