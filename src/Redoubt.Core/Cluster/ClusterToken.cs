using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Cluster;

/// <summary>Why a text is no token that counts.</summary>
public enum ClusterTokenRefusal : byte
{
    /// <summary>It is one.</summary>
    None,

    /// <summary>It does not begin like a token, or is longer than any.</summary>
    NotAToken,

    /// <summary>It is cut short, mistyped, or not made with this cluster's secret.</summary>
    NotAuthentic,

    /// <summary>It is authentic, but its fields are not what this version writes.</summary>
    Malformed,
}

/// <summary>
/// What two nodes tell each other through their operator: an invitation (it holds the cluster's secret, so it <em>is</em> a secret) and the answer
/// to it (it holds none). Both are sealed with a key derived from the secret: what was mistyped, cut or forged is refused as a whole.
/// Text: prefix, then base64url of UTF-8 lines in fixed order and 16 bytes of HMAC-SHA256 over prefix and lines.
/// </summary>
public sealed record ClusterToken
{
    /// <summary>What an invitation begins with; the number is the format's version.</summary>
    public const string InvitationPrefix = "redoubt-join-1.";

    /// <summary>What an answer begins with.</summary>
    public const string AnswerPrefix = "redoubt-answer-1.";

    /// <summary>Characters of the longest token.</summary>
    public const int MaxLength = 8192;

    private const int TagLength = 16;
    private const int Lines = 8;
    private const int MaxInterfaces = 256;
    private const string None = "-";
    private static readonly UTF8Encoding _utf8 = new(false);

    /// <summary>The cluster's secret. An answer holds none; there it is the secret that it was proved with.</summary>
    public required ClusterSecret Secret { get; init; }

    /// <summary>True: an answer; false: an invitation.</summary>
    public bool IsAnswer { get; init; }

    /// <summary>When it was made, seconds since 1970 UTC.</summary>
    public required long Created { get; init; }

    /// <summary>Version of the program that made it.</summary>
    public required string Version { get; init; }

    /// <summary>SHA-256 of the certificate of the node that made it, 64 hexadecimal digits; empty where it had none.</summary>
    public string Pin { get; init; } = "";

    /// <summary>The nodes that are in the cluster already; the first of them invites.</summary>
    public required ImmutableArray<ClusterMember> Members { get; init; }

    /// <summary>The node that is invited. Its name is empty where the inviter did not know it.</summary>
    public required ClusterMember Invited { get; init; }

    /// <summary>The node that made the token.</summary>
    public ClusterMember Maker => IsAnswer ? Invited : Members[0];

    /// <summary>Logical names of the sync links.</summary>
    public required ImmutableArray<string> SyncLinks { get; init; }

    /// <summary>Logical names of all interfaces of the node that made it, in their order.</summary>
    public required ImmutableArray<string> Interfaces { get; init; }

    /// <summary>Reads a token. <paramref name="own"/> is this node's secret, which an answer must be sealed with; null where it has none.</summary>
    public static ClusterToken? TryRead(string text, ClusterSecret? own, out ClusterTokenRefusal refusal)
    {
        text = text.Trim();
        var isAnswer = text.StartsWith(AnswerPrefix, StringComparison.Ordinal);
        refusal = ClusterTokenRefusal.NotAToken;
        if (text.Length > MaxLength || (!isAnswer && !text.StartsWith(InvitationPrefix, StringComparison.Ordinal)))
            return null;
        refusal = ClusterTokenRefusal.NotAuthentic;
        var prefix = isAnswer ? AnswerPrefix : InvitationPrefix;
        var base64 = text[prefix.Length..].Replace('-', '+').Replace('_', '/');
        base64 = base64.PadRight((base64.Length + 3) / 4 * 4, '=');
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, bytes, out var length) || length <= TagLength)
            return null;
        var payload = bytes.AsSpan(0, length - TagLength);
        var lines = _utf8.GetString(payload).Split('\n');
        var secret = isAnswer ? own : ClusterSecret.Parse(lines[0]);
        if (
            secret is null
            || !CryptographicOperations.FixedTimeEquals(Tag(secret, prefix, payload), bytes.AsSpan(length - TagLength, TagLength))
        )
            return null;
        var token = ReadLines(lines, secret, isAnswer);
        refusal = token is null ? ClusterTokenRefusal.Malformed : ClusterTokenRefusal.None;
        return token;
    }

    /// <summary>The token as text, one line without white space.</summary>
    public string Write()
    {
        var prefix = IsAnswer ? AnswerPrefix : InvitationPrefix;
        var payload = Encoding.UTF8.GetBytes(
            string.Join(
                '\n',
                IsAnswer ? None : Secret.Reveal(),
                Created.ToString(CultureInfo.InvariantCulture),
                Version,
                Pin.Length == 0 ? None : Pin,
                Text(Invited),
                string.Join(',', SyncLinks),
                string.Join(',', Interfaces),
                string.Join(';', Members.Select(Text))
            )
        );
        byte[] all = [.. payload, .. Tag(Secret, prefix, payload)];
        return prefix + Convert.ToBase64String(all).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    /// <summary>Always "***": an invitation is a secret.</summary>
    public override string ToString() => "***";

    private static byte[] Tag(ClusterSecret secret, string prefix, ReadOnlySpan<byte> payload)
    {
        Span<byte> key = stackalloc byte[32];
        secret.Derive("redoubt cluster token 1", Encoding.ASCII.GetBytes(prefix), key);
        var tag = HMACSHA256.HashData(key, payload)[..TagLength];
        CryptographicOperations.ZeroMemory(key);
        return tag;
    }

    private static ClusterToken? ReadLines(string[] lines, ClusterSecret secret, bool isAnswer)
    {
        if (
            lines.Length != Lines
            || !long.TryParse(lines[1], NumberStyles.None, CultureInfo.InvariantCulture, out var created)
            || lines[2].Length is 0 or > 64
            || (lines[3] != None && !IsPin(lines[3]))
            || Member(lines[4]) is not { } invited
            || Names(lines[5], 2) is not { } links
            || Names(lines[6], MaxInterfaces) is not { } interfaces
            || MemberList(lines[7]) is not { } members
        )
            return null;
        return new ClusterToken
        {
            Secret = secret,
            IsAnswer = isAnswer,
            Created = created,
            Version = lines[2],
            Pin = lines[3] == None ? "" : lines[3],
            Members = members,
            Invited = invited,
            SyncLinks = links,
            Interfaces = interfaces,
        };
    }

    /// <summary>Whether a text is the SHA-256 of a certificate as it is kept: 64 lower-case hexadecimal digits.</summary>
    public static bool IsPin(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private static string Text(ClusterMember member) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{member.Id}|{(member.Name.Length == 0 ? None : member.Name)}|{string.Join(',', member.Addresses)}"
        );

    private static ClusterMember? Member(string line)
    {
        var parts = line.Split('|');
        if (
            parts.Length != 3
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            || id is < 1 or > ConfigurationLimits.Nodes
            || !(IsName(parts[1]) || parts[1] == None)
        )
            return null;
        var addresses = parts[2].Split(',');
        return addresses.Length <= 2 && addresses.All(a => AddressPrefix.TryParseAddress(a, out _, out _))
            ? new ClusterMember(id, parts[1] == None ? "" : parts[1], [.. addresses])
            : null;
    }

    private static ImmutableArray<ClusterMember>? MemberList(string line)
    {
        var parts = line.Split(';');
        if (parts.Length >= ConfigurationLimits.Nodes)
            return null;
        var members = parts.Select(Member).OfType<ClusterMember>().ToImmutableArray();
        return members.Length == parts.Length ? members : null;
    }

    private static ImmutableArray<string>? Names(string line, int most)
    {
        var names = line.Split(',');
        return names.Length <= most && names.All(IsName) ? [.. names] : null;
    }

    private static bool IsName(string name) =>
        name.Length is > 0 and <= 63 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
}
