using System.Security.Cryptography;
using System.Text;

namespace Redoubt.Core.Cluster;

/// <summary>
/// The 32 bytes that all nodes of a cluster share. They are never used as a key themselves: every use derives its own by HKDF-SHA256
/// (RFC 5869) from a label and what it is bound to, so that no key serves two purposes.
/// </summary>
public sealed class ClusterSecret
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 32;

    private readonly byte[] _bytes;

    /// <summary>Takes a copy of the secret's bytes.</summary>
    public ClusterSecret(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
            throw new ArgumentException($"a cluster secret has {Length} bytes", nameof(bytes));
        _bytes = bytes.ToArray();
    }

    /// <summary>Reads the text of a secret file: base64 of 32 bytes, white space around it ignored. Null where it is something else.</summary>
    public static ClusterSecret? Parse(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[Length + 1];
        var parsed = Convert.TryFromBase64Chars(text.Trim(), bytes, out var length) && length == Length;
        var secret = parsed ? new ClusterSecret(bytes[..Length]) : null;
        CryptographicOperations.ZeroMemory(bytes);
        return secret;
    }

    /// <summary>Derives a key.</summary>
    /// <param name="label">What the key is for: "redoubt heartbeat 1". The version stands in it, so that formats never share a key.</param>
    /// <param name="salt">What it is bound to, for example both nodes' per-boot salts.</param>
    /// <param name="key">Filled with key bytes.</param>
    public void Derive(string label, ReadOnlySpan<byte> salt, Span<byte> key) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _bytes, key, salt, Encoding.ASCII.GetBytes(label));

    /// <summary>Eight hex digits that let people compare two nodes' secrets without showing them.</summary>
    public string Fingerprint
    {
        get
        {
            Span<byte> mark = stackalloc byte[4];
            Derive("redoubt fingerprint 1", [], mark);
            return Convert.ToHexStringLower(mark);
        }
    }

    /// <summary>The secret as a secret file and an invitation hold it: base64. For those two alone.</summary>
    public string Reveal() => Convert.ToBase64String(_bytes);

    /// <summary>Always "***".</summary>
    public override string ToString() => "***";
}
