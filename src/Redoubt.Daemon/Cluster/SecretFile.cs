using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Redoubt.Core.Cluster;

namespace Redoubt.Daemon.Cluster;

/// <summary>Reads the file that holds the cluster's secret: base64 of 32 bytes, readable for its owner alone.</summary>
public static class SecretFile
{
    private const int Limit = 1024;
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The path of the secret file: <paramref name="name"/> is relative to the folder of the configuration file.</summary>
    public static string PathOf(string configurationFile, string name) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(configurationFile))!, name);

    /// <summary>Reads the secret; null, and <paramref name="error"/> in one line for people, where that cannot be done.</summary>
    public static ClusterSecret? TryLoad(string path, out string error)
    {
        error = "";
        if (OperatingSystem.IsWindows())
        {
            error = $"{path}: only a system with Unix file modes can keep a secret";
            return null;
        }
        var bytes = ArrayPool<byte>.Shared.Rent(Limit + 1);
        Span<char> text = stackalloc char[Limit];
        try
        {
            if (!File.Exists(path))
            {
                error = $"{path}: there is no such file; expected 32 random bytes in base64, mode 0600";
                return null;
            }
            using var file = File.OpenHandle(path);
            var mode = File.GetUnixFileMode(file);
            if ((mode & ~Owner) != 0)
            {
                error = $"{path}: has mode {Octal(mode)}; expected 0600: nobody but its owner may read the cluster's secret";
                return null;
            }
            var length = RandomAccess.Read(file, bytes.AsSpan(0, Limit + 1), 0);
            if (length <= Limit)
            {
                var count = Encoding.Latin1.GetChars(bytes.AsSpan(0, length), text);
                if (ClusterSecret.Parse(text[..count]) is { } secret)
                    return secret;
            }
            error = $"{path}: expected base64 of exactly {ClusterSecret.Length} bytes and nothing else";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = $"{path}: {e.Message}";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
            text.Clear();
            ArrayPool<byte>.Shared.Return(bytes);
        }
        return null;
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');
}
