using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>How bad a finding is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>As it should be.</summary>
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>Works, and may not when it matters.</summary>
    [JsonStringEnumMemberName("warning")]
    Warning,

    /// <summary>Does not work.</summary>
    [JsonStringEnumMemberName("error")]
    Error,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Check">What: "interface lan", "peer fw2", "sysctl", ...</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Text">What was found, and what to do where it is not right.</param>
public sealed record Finding(string Check, Verdict Verdict, string Text);

/// <summary>Somebody else's virtual router, heard on an interface of ours.</summary>
/// <param name="Interface">Logical name.</param>
/// <param name="Protocol">"carp" or "vrrp".</param>
/// <param name="Id">Its vhid or VRID.</param>
/// <param name="Address">Who sends its advertisements.</param>
/// <param name="FirstHeard">UTC.</param>
/// <param name="LastHeard">UTC.</param>
/// <param name="Advertisements">How many were heard.</param>
public sealed record ForeignRouter(
    string Interface,
    string Protocol,
    int Id,
    string Address,
    DateTimeOffset FirstHeard,
    DateTimeOffset LastHeard,
    long Advertisements
);

/// <summary>Ids of an interface that neither this node nor anybody heard there uses.</summary>
/// <param name="Interface">Logical name.</param>
/// <param name="Ids">The lowest free ones.</param>
public sealed record FreeIds(string Interface, IReadOnlyList<int> Ids);

/// <summary>What <c>doctor</c> found.</summary>
public sealed record Examination
{
    /// <summary>Everything that was looked at.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>Other virtual routers on our interfaces.</summary>
    public IReadOnlyList<ForeignRouter> Foreign { get; init; } = [];

    /// <summary>Ids for new virtual addresses.</summary>
    public IReadOnlyList<FreeIds> Free { get; init; } = [];
}
