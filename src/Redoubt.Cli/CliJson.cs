using System.Text.Json.Serialization;

namespace Redoubt.Cli;

/// <summary>What <c>config check --json</c> prints.</summary>
internal sealed record ConfigReport(
    string File,
    bool Valid,
    int Errors,
    int Warnings,
    IReadOnlyList<ConfigReportProblem> Problems,
    IReadOnlyList<string> KeptSections,
    IReadOnlyList<ConfigReportSection> Sections
);

/// <summary>One top-level section of a <see cref="ConfigReport"/>; role is "applied", "kept" (stored and synchronised only) or "unknown" (stored).</summary>
internal sealed record ConfigReportSection(string Name, string Role, string Meaning);

/// <summary>One problem of a <see cref="ConfigReport"/>; severity is "error" or "warning".</summary>
internal sealed record ConfigReportProblem(string Severity, int Line, string Element, string Message, string Expected);

/// <summary>What <c>decode --json</c> prints for each packet; number and time only for a capture.</summary>
internal sealed record DecodedPacket(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Packet,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Time,
    string Protocol,
    bool Valid,
    string Verdict,
    IReadOnlyDictionary<string, string> Fields
);

/// <summary>What <c>config show --json</c> prints.</summary>
internal sealed record ShownConfig(
    string Digest,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Message,
    string Document
);

/// <summary>JSON of what has no form of its own on the control socket.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ConfigReport))]
[JsonSerializable(typeof(DecodedPacket))]
[JsonSerializable(typeof(ShownConfig))]
internal sealed partial class CliJson : JsonSerializerContext;
