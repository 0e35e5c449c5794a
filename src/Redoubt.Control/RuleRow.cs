using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>One rule of the firewall with what it counted, for people and scripts.</summary>
public sealed record RuleRow
{
    /// <summary>Where the file has it: "filter", "forward", "outbound", "onetoone", "npt".</summary>
    public required string Section { get; init; }

    /// <summary>The rule's stable number in the file; left out where it has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Tracker { get; init; }

    /// <summary>Line in the file.</summary>
    public required int Line { get; init; }

    /// <summary>Logical names, separated by commas; "any".</summary>
    public required string Interface { get; init; }

    /// <summary>"pass", "block", "reject", "match", "translate".</summary>
    public required string Action { get; init; }

    /// <summary>The file's text.</summary>
    public required string Description { get; init; }

    /// <summary>"active", "disabled", "outOfSchedule", "unresolved" (an interface has no address yet, or an alias no values).</summary>
    public required string Standing { get; init; }

    /// <summary>First packets of connections that it matched since it was loaded; left out where the kernel does not count it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Packets { get; init; }

    /// <summary>Their bytes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Bytes { get; init; }

    /// <summary>Name of the counter in table inet redoubt.</summary>
    public required string Counter { get; init; }
}
