using System.Security.Cryptography;
using Redoubt.Core.Cluster;

namespace Redoubt.Core.Heartbeat;

/// <summary>
/// Signs and checks heartbeats: HMAC-SHA256 over the whole message before the tag, cut to 16 bytes (RFC 2104 section 5 allows half). The salt
/// of the sender's boot and its sequence number are in the message, so one key for the cluster suffices.
/// </summary>
public sealed class HeartbeatSeal
{
    /// <summary>Bytes of the tag.</summary>
    public const int TagLength = 16;

    private readonly byte[] _key = new byte[32];

    /// <summary>Derives the key.</summary>
    public HeartbeatSeal(ClusterSecret secret) => secret.Derive("redoubt heartbeat 1", [], _key);

    /// <summary>Writes the tag behind the first <paramref name="length"/> bytes; returns the new length.</summary>
    public int Sign(Span<byte> message, int length)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, message[..length], hash);
        hash[..TagLength].CopyTo(message[length..]);
        return length + TagLength;
    }

    /// <summary>Compares the tag in constant time.</summary>
    public bool IsSigned(ReadOnlySpan<byte> message)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, message[..^TagLength], hash);
        return CryptographicOperations.FixedTimeEquals(hash[..TagLength], message[^TagLength..]);
    }
}
