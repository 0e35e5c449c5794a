using System.Runtime.InteropServices;

namespace Redoubt.Lab.Processes;

/// <summary>The system calls that .NET does not offer and the lab needs. Nothing here decides anything.</summary>
internal static unsafe partial class SystemCalls
{
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;

    /// <summary>Sends a signal; a negative id names a process group. 0 or -1.</summary>
    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    /// <summary>Becomes another program; returns only where that failed.</summary>
    public static LabException Execute(string program, IReadOnlyList<string> arguments)
    {
        string[] all = [program, .. arguments];
        var vector = stackalloc byte*[all.Length + 1];
        for (var i = 0; i < all.Length; i++)
            vector[i] = (byte*)Marshal.StringToCoTaskMemUTF8(all[i]);
        vector[all.Length] = null;
        _ = ExecVP(vector[0], vector);
        return new LabException($"{program} cannot be started: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "execvp", SetLastError = true)]
    private static partial int ExecVP(byte* file, byte** arguments);
}
