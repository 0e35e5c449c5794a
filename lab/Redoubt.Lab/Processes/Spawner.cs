using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace Redoubt.Lab.Processes;

/// <summary>
/// Starts processes on one thread that lives as long as the program: PR_SET_PDEATHSIG fires when the *thread* that started the
/// child ends, so a thread of the pool must not.
/// </summary>
internal static class Spawner
{
    private static readonly BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Result)> _asked = [];

    static Spawner() => new Thread(Run) { IsBackground = true, Name = "spawner" }.Start();

    public static Process Start(ProcessStartInfo start)
    {
        var result = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked.Add((start, result));
        return result.Task.GetAwaiter().GetResult();
    }

    private static void Run()
    {
        foreach (var (start, result) in _asked.GetConsumingEnumerable())
        {
            try
            {
                result.SetResult(Process.Start(start)!);
            }
            catch (Win32Exception e)
            {
                result.SetException(new LabException($"{start.FileName} cannot be started: {e.Message}", e));
            }
        }
    }
}
