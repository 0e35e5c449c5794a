using System.Diagnostics;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Processes;

/// <summary>
/// A program that runs in a place, in a process group of its own. Its output goes to a log file; the last lines stay in memory.
/// It dies with the lab, however the lab ends. Safe for use by several threads.
/// </summary>
public sealed class LabProcess : IDisposable
{
    /// <summary>Lines that are kept in memory.</summary>
    public const int KeptLines = 500;

    /// <summary>Bytes after which the log file does not grow any more.</summary>
    public const long LogLimit = 32 << 20;

    private readonly Lock _gate = new();
    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly Queue<string> _lines = new();
    private readonly ManualResetEventSlim _exited = new();
    private long _count;
    private bool _disposed;

    private LabProcess(string name, Process process, StreamWriter log)
    {
        (Name, _process, _log, Id) = (name, process, log, process.Id);
        process.OutputDataReceived += (_, e) => Hear(e.Data);
        process.ErrorDataReceived += (_, e) => Hear(e.Data);
        process.Exited += (_, _) => Bury();
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What the program is called in messages.</summary>
    public string Name { get; }

    /// <summary>Process id, and id of its process group.</summary>
    public int Id { get; }

    /// <summary>False once it has ended; a frozen process runs.</summary>
    public bool IsRunning => !_exited.IsSet;

    /// <summary>Exit code; 128 + signal where a signal ended it; null while it runs.</summary>
    public int? ExitCode => IsRunning ? null : _process.ExitCode;

    /// <summary>The last lines of both outputs, oldest first, at most <see cref="KeptLines"/>.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
                return [.. _lines];
        }
    }

    /// <summary>Starts a program in a place. What it writes is appended to the log file.</summary>
    public static LabProcess Start(Place place, string name, string logFile, params IReadOnlyList<string> command)
    {
        string[] wrapped =
        [
            .. new[] { Tool.Find("setpriv"), "--pdeathsig", "KILL", Tool.Find("nsenter"), $"--net={place.NamespacePath}" },
            Tool.Find(command[0]),
            .. command.Skip(1),
        ];
        var start = new ProcessStartInfo(Tool.Find("setsid"), wrapped)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin:" + Environment.GetEnvironmentVariable("PATH");
        var process = Spawner.Start(start);
        process.StandardInput.Close();
        return new LabProcess(name, process, new StreamWriter(logFile, append: true) { AutoFlush = true });
    }

    /// <summary>kill -9 of the program and its children; returns when it is gone.</summary>
    public void Kill9()
    {
        Signal(SystemCalls.SIGKILL);
        _exited.Wait(TimeSpan.FromSeconds(10));
    }

    /// <summary>SIGSTOP; returns when every thread has stopped.</summary>
    public void Freeze()
    {
        Signal(SystemCalls.SIGSTOP);
        Deadline.In(2).Await($"{Name} has stopped", () => !IsRunning || IsStopped());
    }

    /// <summary>SIGCONT.</summary>
    public void Thaw() => Signal(SystemCalls.SIGCONT);

    /// <summary>SIGTERM; true when it ended before the deadline, else it is killed.</summary>
    public bool Terminate(Deadline deadline)
    {
        // Only the program itself: it stops its children in its own order.
        if (IsRunning)
            _ = SystemCalls.Kill(Id, SystemCalls.SIGTERM);
        if (_exited.Wait(deadline.Left))
            return true;
        Kill9();
        return false;
    }

    /// <summary>Waits for the end; throws <see cref="LabException"/> when the deadline passes first.</summary>
    public int WaitForExit(Deadline deadline)
    {
        if (!_exited.Wait(deadline.Left))
            throw new LabException($"{Name} has not ended in time");
        return _process.ExitCode;
    }

    /// <summary>
    /// Waits for a line that contains the text among those still in memory and those to come; throws <see cref="LabException"/>
    /// when the deadline passes or the program ends first.
    /// </summary>
    public string WaitForLine(string text, Deadline deadline)
    {
        string? found = null;
        bool Look()
        {
            var ended = !IsRunning; // asked first: what it wrote before its end is then in the lines
            found = Lines.FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal));
            if (found is null && ended)
                throw new LabException($"{Name} ended with code {ExitCode} before it wrote '{text}': {Tail}");
            return found is not null;
        }
        deadline.Await($"{Name} writes '{text}'", Look, () => Tail);
        return found!;
    }

    /// <summary>Number of lines that both outputs have brought so far.</summary>
    public long LineCount
    {
        get
        {
            lock (_gate)
                return _count;
        }
    }

    /// <summary>Kills what still runs and closes the log.</summary>
    public void Dispose()
    {
        Kill9();
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            _log.Dispose();
        }
        _process.Dispose();
    }

    /// <summary>The last lines in one text, for messages.</summary>
    public string Tail => string.Join(" | ", Lines.TakeLast(5));

    // proc(5): the state is the first letter behind the name in brackets; T is stopped.
    private bool IsStopped()
    {
        try
        {
            return Directory
                .EnumerateDirectories($"/proc/{Id}/task")
                .Select(task => File.ReadAllText(Path.Combine(task, "stat")))
                .All(stat => stat.AsSpan(stat.LastIndexOf(')') + 2).StartsWith("T"));
        }
        catch (IOException)
        {
            return false; // a thread ended while we looked
        }
    }

    // The group first: children must not outlive it. Just after the start the group is not there yet, hence the second call.
    private void Signal(int signal)
    {
        if (!IsRunning)
            return;
        _ = SystemCalls.Kill(-Id, signal);
        _ = SystemCalls.Kill(Id, signal);
    }

    private void Bury()
    {
        // Children of a program that was killed alone.
        _ = SystemCalls.Kill(-Id, SystemCalls.SIGKILL);
        _exited.Set();
    }

    private void Hear(string? line)
    {
        if (line is null)
            return;
        lock (_gate)
        {
            _count++;
            _lines.Enqueue(line);
            if (_lines.Count > KeptLines)
                _lines.Dequeue();
            if (!_disposed && _log.BaseStream.Length < LogLimit)
                _log.WriteLine(line);
        }
    }
}
