using System.ComponentModel;
using System.Diagnostics;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Processes;

/// <summary>
/// A program that the daemon runs: an argument vector and never a shell, an environment of its own, no input, bounded output, and a process group of its own, so that it can be
/// ended with all it started. util-linux's setsid makes the group, its setpriv the bond to this process; both become the program by exec, so the process id is the program's.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    /// <summary>Bytes of output that are kept.</summary>
    public const int OutputLimit = 4096;

    private const string SetSid = "/usr/bin/setsid";
    private const string SetPriv = "/usr/bin/setpriv";
    private const int SIGTERM = 15;
    private const int SIGKILL = 9;
    private static readonly TimeSpan _lastOutput = TimeSpan.FromMilliseconds(100);
    private readonly Process _process;
    private readonly BoundedOutput _output;
    private readonly Task _reading;
    private readonly int _id;

    private ChildProcess(Process process, bool keepsEnd)
    {
        (_process, _id) = (process, process.Id);
        _output = new BoundedOutput(OutputLimit, keepsEnd);
        process.StandardInput.Close();
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput.BaseStream), ReadAsync(process.StandardError.BaseStream));
    }

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>How it ended, 128 and the signal's number where a signal ended it; only when it has.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>What it has printed until now, in one line.</summary>
    public string Output => _output.Text;

    /// <summary>
    /// Starts a program; null where the kernel refuses. Where <paramref name="bound"/>, the kernel kills it when the <i>thread</i> that called this ends, and so with this process,
    /// however that ends.
    /// </summary>
    /// <param name="vector">The absolute path of the program, and its arguments.</param>
    /// <param name="environment">All of its environment.</param>
    /// <param name="bound">See above.</param>
    /// <param name="keepsEnd">The last of its output is kept, not the first.</param>
    /// <param name="ended">Called on any thread when it has ended; may be null.</param>
    /// <param name="error">Why it could not be started.</param>
    public static ChildProcess? Start(
        IReadOnlyList<string> vector,
        IReadOnlyDictionary<string, string> environment,
        bool bound,
        bool keepsEnd,
        Action? ended,
        out string error
    )
    {
        string[] words = bound ? [SetPriv, "--pdeathsig", "KILL", SetSid, .. vector] : [SetSid, .. vector];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        try
        {
            var process = new Process { StartInfo = start, EnableRaisingEvents = ended is not null };
            if (ended is not null)
                process.Exited += (_, _) => ended();
            process.Start();
            error = "";
            return new ChildProcess(process, keepsEnd);
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            error = $"{vector[0]} cannot be started: {e.Message}";
            return null;
        }
    }

    /// <summary>Runs a program to its end: its exit code and what it printed; killed with all it started when told to stop.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        IReadOnlyList<string> vector,
        IReadOnlyDictionary<string, string> environment,
        CancellationToken stop
    )
    {
        // The thread that starts it belongs to a pool and may end any time.
        using var child = Start(vector, environment, bound: false, keepsEnd: false, null, out var error) ?? throw new IOException(error);
        try
        {
            await child._process.WaitForExitAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            child.Kill();
            throw;
        }
        return (child.ExitCode, child.Output);
    }

    /// <summary>Asks it and what it started to end.</summary>
    public void Terminate() => Signal(SIGTERM);

    /// <summary>Ends it and what it started; also what it left behind when it ended by itself.</summary>
    public void Kill() => Signal(SIGKILL);

    /// <summary>Waits a moment for what it printed last; what it left running may hold its output open.</summary>
    public void Drain()
    {
        try
        {
            _reading.Wait(_lastOutput);
        }
        catch (AggregateException)
        {
            // What could be read is there.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private void Signal(int signal)
    {
        // Between its start and setsid's first step it has no group yet.
        if (LibC.Kill(-_id, signal) != 0 && !HasEnded)
            _ = LibC.Kill(_id, signal);
    }

    private async Task ReadAsync(Stream stream)
    {
        var buffer = new byte[OutputLimit];
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer).ConfigureAwait(false)) > 0)
                _output.Add(buffer.AsSpan(0, read));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Nobody reads any more.
        }
    }
}
