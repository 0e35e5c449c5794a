using System.Security.Cryptography;
using System.Text;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Configuration;

/// <summary>Hashes of passwords, as pfSense and every Linux keep them (crypt(3)).</summary>
internal static class PasswordHash
{
    /// <summary>Bytes of a password that bcrypt looks at; a longer new one is refused instead of being cut.</summary>
    public const int BcryptLimit = 72;

    private const int Cost = 10; // PHP's default at pfSense; about 50 ms

    // Another alphabet than that of MIME.
    private const string Alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private static readonly string[] _known = ["$2y$", "$2b$", "$2a$", "$6$", "$y$"];

    /// <summary>A hash that no password has, of the same cost as those made here: what an unknown user is checked against.</summary>
    public static string Nobody { get; } = $"$2y${Cost}$" + new string('.', 53);

    /// <summary>Whether a hash is of a kind that is checked.</summary>
    public static bool IsKnown(string hash) => Array.Exists(_known, k => hash.StartsWith(k, StringComparison.Ordinal));

    /// <summary>A new bcrypt hash; null, and why, where the password cannot be one.</summary>
    public static string? Make(string password, out string fault)
    {
        var bytes = Encoding.UTF8.GetBytes(password);
        fault =
            bytes.Length == 0 ? "an empty password"
            : bytes.Length > BcryptLimit ? $"a password of more than {BcryptLimit} bytes"
            : bytes.Contains((byte)0) ? "a password with a zero byte"
            : "";
        if (fault.Length > 0)
            return null;
        Span<byte> salt = stackalloc byte[16];
        RandomNumberGenerator.Fill(salt);
        var hash = LibCrypt.Hash(bytes, $"$2y${Cost}${Encode(salt)}");
        if (hash is null)
            fault = "libcrypt knows no bcrypt";
        return hash;
    }

    /// <summary>Whether the password has that hash. Takes the same time whatever differs.</summary>
    public static bool Matches(string password, string hash)
    {
        var bytes = Encoding.UTF8.GetBytes(password);
        var usable = IsKnown(hash) && !bytes.Contains((byte)0);
        var made = LibCrypt.Hash(usable ? bytes : [], usable ? hash : Nobody);
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(made ?? "*"), Encoding.ASCII.GetBytes(hash))
            && usable
            && made is not null;
    }

    // 16 bytes in 22 characters, most significant bits first.
    private static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(22);
        var (bits, held) = (0u, 0);
        foreach (var b in bytes)
        {
            bits = (bits << 8) | b;
            held += 8;
            while (held >= 6)
            {
                held -= 6;
                text.Append(Alphabet[(int)(bits >> held) & 63]);
            }
        }
        return text.Append(Alphabet[(int)(bits << (6 - held)) & 63]).ToString();
    }
}
