using Redoubt.Linux.Interop;

namespace Redoubt.Lab;

/// <summary>Writes files that only we may read.</summary>
internal static class PrivateFile
{
    private const uint ReadWrite = 0x180; // 0600
    private const uint ReadWriteExecute = 0x1c0; // 0700

    public static void Write(string path, string text, bool executable = false)
    {
        File.WriteAllText(path, text);
        if (LibC.ChMod(path, executable ? ReadWriteExecute : ReadWrite) != 0)
            throw new LabException($"chmod {path}: {Errno.Last}");
    }
}
