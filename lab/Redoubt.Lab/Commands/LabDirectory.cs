using System.Runtime.InteropServices;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Commands;

/// <summary>What a running lab writes down for the commands that follow.</summary>
/// <param name="Process">Process id of the holder.</param>
/// <param name="StartTime">Its start time as in /proc/PID/stat: a process id alone may be somebody else's by now.</param>
/// <param name="Places">Name of each place and the path of its namespace.</param>
/// <param name="Ports">Names of the ports.</param>
/// <param name="Controls">Control sockets of the Redoubt nodes.</param>
internal sealed record LabRecord(
    int Process,
    string StartTime,
    IReadOnlyDictionary<string, string> Places,
    IReadOnlyList<string> Ports,
    IReadOnlyDictionary<string, string> Controls
);

/// <summary>The folder of a lab that was brought up: logs, configurations, sockets and the <see cref="LabRecord"/>. Mode 0700.</summary>
internal sealed partial class LabDirectory
{
    private const string RecordFile = "redoubt-lab.json";
    private const int LongestRoot = ControlLimits.SocketPath - 16;
    private const uint OwnerOnly = 0x1c0; // 0700

    public LabDirectory(string? path)
    {
        Root = System.IO.Path.GetFullPath(path ?? Default);
        if (System.Text.Encoding.UTF8.GetByteCount(Root) > LongestRoot)
            throw new LabException($"{Root} is too long: the path of a socket has at most {ControlLimits.SocketPath} bytes");
    }

    public string Root { get; }

    /// <summary>Socket of the holder.</summary>
    public string Socket => System.IO.Path.Combine(Root, "lab.sock");

    /// <summary>What the holder says of itself.</summary>
    public string Log => System.IO.Path.Combine(Root, "holder.log");

    /// <summary>The record of the lab that runs here; null where none does.</summary>
    public LabRecord? Running => Recorded is { } record && StartTimeOf(record.Process) == record.StartTime ? record : null;

    /// <summary>Makes the folder ours and empty, or throws <see cref="LabException"/>.</summary>
    public void Prepare()
    {
        if (Running is not null)
            throw new LabException($"a lab runs already in {Root}; redoubt-lab down ends it");
        if (Recorded is not null)
            Remove(); // left by a lab that was killed
        Directory.CreateDirectory(Root);
        if (Directory.EnumerateFileSystemEntries(Root).Any())
            throw new LabException($"{Root} is not empty; name another folder with --dir");
        if (!TakePossession())
            throw new LabException($"{Root} is not ours; name another folder with --dir");
    }

    /// <summary>Writes the record: from now on the lab can be used.</summary>
    public void Write(LabRecord record)
    {
        var path = System.IO.Path.Combine(Root, RecordFile);
        PrivateFile.Write(path + ".new", JsonSerializer.Serialize(record));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Deletes the folder.</summary>
    public void Remove()
    {
        if (Directory.Exists(Root))
            Directory.Delete(Root, recursive: true);
    }

    /// <summary>Field 22 of /proc/PID/stat; null where there is no such process or it is a zombie.</summary>
    public static string? StartTimeOf(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] == "Z" ? null : fields[19];
        }
        catch (IOException)
        {
            return null;
        }
    }

    // In /tmp anybody may have made the folder: a record counts only in one that is ours.
    private LabRecord? Recorded
    {
        get
        {
            try
            {
                var record = JsonSerializer.Deserialize<LabRecord>(File.ReadAllText(System.IO.Path.Combine(Root, RecordFile)));
                return record is not null && TakePossession() ? record : null;
            }
            catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

    // Only the owner may change the mode.
    private bool TakePossession() => new DirectoryInfo(Root).LinkTarget is null && LibC.ChMod(Root, OwnerOnly) == 0;

    private static string Default =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && Directory.Exists(runtime)
            ? System.IO.Path.Combine(runtime, "redoubt-lab")
            : $"/tmp/redoubt-lab-{UserId()}";

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint UserId();
}
