using System.Text.Json;
using System.Text.Json.Serialization;

namespace Redoubt.Daemon.Configuration;

/// <summary>What a node remembers of its peers' configurations, over restarts. Digests by area.</summary>
internal sealed record SyncMemory
{
    /// <summary>What was last received, as it was sent; compared with what is held, it tells whether this node was edited since.</summary>
    public IReadOnlyDictionary<string, string> Received { get; init; } = new Dictionary<string, string>();

    /// <summary>When.</summary>
    public DateTimeOffset? ReceivedAt { get; init; }

    /// <summary>From which address.</summary>
    public string? ReceivedFrom { get; init; }

    /// <summary>Id of the node where the configuration in force began; null: here, or unknown.</summary>
    public string? Origin { get; init; }

    /// <summary>Ids of the nodes that it has passed.</summary>
    public string? Path { get; init; }

    /// <summary>Our number of the newest push.</summary>
    public long Generation { get; init; }

    /// <summary>The peer that was pushed to.</summary>
    public string? Peer { get; init; }

    /// <summary>What the peer had when it was last read.</summary>
    public IReadOnlyDictionary<string, string>? PeerDigests { get; init; }

    /// <summary>When the last push ended well.</summary>
    public DateTimeOffset? LastPush { get; init; }

    /// <summary>When the peer was last read.</summary>
    public DateTimeOffset? LastVerified { get; init; }

    /// <summary>Why the last push failed.</summary>
    public string? Error { get; init; }

    /// <summary>Since when the peer differs.</summary>
    public DateTimeOffset? DriftSince { get; init; }

    /// <summary>The conflict that waits for somebody's choice.</summary>
    public string? Conflict { get; init; }

    /// <summary>The next push is taken although this node was edited.</summary>
    public bool AcceptNext { get; init; }

    /// <summary>Reads it; what cannot be read is as if nothing was known.</summary>
    public static SyncMemory Read(string path)
    {
        try
        {
            return AtomicFile.TryRead(path, 1 << 20) is { } bytes
                ? JsonSerializer.Deserialize(bytes, StoreJson.Default.SyncMemory) ?? new()
                : new();
        }
        catch (JsonException)
        {
            return new SyncMemory();
        }
    }

    /// <summary>Writes it, durable; throws where the disk refuses.</summary>
    public void Write(string path) => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.SyncMemory));
}

/// <summary>JSON of the state directory's own files.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(SyncMemory))]
internal sealed partial class StoreJson : JsonSerializerContext;
