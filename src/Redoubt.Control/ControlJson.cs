using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>Source-generated JSON of everything the control socket carries; also the form of an event on disk.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    MaxDepth = ControlLimits.Depth,
    AllowDuplicateProperties = false,
    Converters = [typeof(UtcTimeConverter)]
)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(EventRecord))]
[JsonSerializable(typeof(StateRow))]
[JsonSerializable(typeof(StateCount))]
[JsonSerializable(typeof(RuleRow))]
[JsonSerializable(typeof(VerbResult))]
[JsonSerializable(typeof(ConfigRevision))]
[JsonSerializable(typeof(ClusterDescription))]
[JsonSerializable(typeof(Examination))]
public sealed partial class ControlJson : JsonSerializerContext
{
    /// <summary>The same, indented for reading.</summary>
    public static ControlJson Indented =>
        field ??= new ControlJson(new JsonSerializerOptions(((JsonSerializerContext)Default).Options) { WriteIndented = true });
}

/// <summary>ISO 8601 in UTC with milliseconds, "2026-01-02T03:04:05.678Z"; reads every ISO 8601 time that names its offset.</summary>
internal sealed class UtcTimeConverter : JsonConverter<DateTimeOffset>
{
    /// <inheritdoc />
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time)
            ? time.ToUniversalTime()
            : throw new JsonException("an ISO 8601 time is expected");

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
}
