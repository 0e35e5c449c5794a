using System.Text;
using Redoubt.Daemon.Configuration;

namespace Redoubt.Daemon;

/// <summary>Small files of the state directory: written whole and durable before the call returns, or not at all.</summary>
internal static class StateFile
{
    /// <summary>Throws <see cref="IOException"/> when the disk refuses.</summary>
    public static void Write(string path, string text) => AtomicFile.Write(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Deletes; no file is no fault.</summary>
    public static void Delete(string path) => AtomicFile.Delete(path);
}
