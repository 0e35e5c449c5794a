using Redoubt.Core.Cluster;

namespace Redoubt.Daemon.Cluster;

/// <summary>Reads the file that holds the cluster's secret: base64 of 32 bytes, readable by its owner alone.</summary>
internal static class SecretFile
{
    private const int LengthLimit = 4096;

    /// <summary>The secret; null with a sentence that says what is wrong.</summary>
    public static ClusterSecret? Read(string path, out string error)
    {
        error = "";
        try
        {
            var mode = File.GetUnixFileMode(path);
            const UnixFileMode Others =
                UnixFileMode.GroupRead
                | UnixFileMode.GroupWrite
                | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead
                | UnixFileMode.OtherWrite
                | UnixFileMode.OtherExecute;
            if ((mode & Others) != 0)
            {
                error = $"{path}: others than its owner may use it; expected mode 0600";
                return null;
            }
            if (new FileInfo(path).Length > LengthLimit)
            {
                error = $"{path}: too long; expected base64 of {ClusterSecret.Length} bytes";
                return null;
            }
            var secret = ClusterSecret.Parse(File.ReadAllText(path));
            if (secret is null)
                error = $"{path}: no cluster secret; expected base64 of {ClusterSecret.Length} bytes";
            return secret;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = e.Message;
            return null;
        }
    }
}
