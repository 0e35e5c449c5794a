using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Redoubt.Linux.Nftables;

/// <summary>What nft said.</summary>
/// <param name="Succeeded">Exit code 0 within the time limit.</param>
/// <param name="ExitCode">nft's exit code; -1 when it could not be started or was killed for its time.</param>
/// <param name="Output">Standard output, cut at <see cref="NftCommand.MaxOutput"/> characters.</param>
/// <param name="Error">Empty on success; else nft's message with line and column, or why it did not run.</param>
public sealed record NftResult(bool Succeeded, int ExitCode, string Output, string Error);

/// <summary>A named counter.</summary>
/// <param name="Packets">Packets counted since the ruleset was loaded.</param>
/// <param name="Bytes">Their bytes.</param>
public readonly record struct NftCounter(long Packets, long Bytes);

/// <summary>
/// Runs the nft command: the text goes in by standard input, no shell, a time limit, bounded output. The child works in the network
/// namespace of the calling thread.
/// </summary>
public static class NftCommand
{
    /// <summary>How long nft may take; ten thousand rules take a few seconds.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(30);

    /// <summary>Characters of each output stream that are kept; the rest is read and dropped, so that nft never waits for us.</summary>
    public const int MaxOutput = 64 * 1024;

    /// <summary>The same for a list of counters: some 120 characters for each of the most rules there can be, and their limits.</summary>
    public const int MaxList = 32 * 1024 * 1024;

    private static readonly string[] Places = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];

    /// <summary>Loads a transaction: all of it or nothing.</summary>
    public static NftResult Apply(string ruleset) => Run(["-f", "-"], ruleset, TimeLimit);

    /// <summary>Lets nft and the kernel check a transaction without loading it.</summary>
    public static NftResult Check(string ruleset) => Run(["--check", "-f", "-"], ruleset, TimeLimit);

    /// <summary>All named counters of table inet redoubt as nft writes them in JSON; empty when there is no table or nft fails.</summary>
    public static string ListCounters() => Run(["-j", "list", "counters", "table", "inet", "redoubt"], "", TimeLimit, null, MaxList).Output;

    /// <summary>Reads a named counter of table inet redoubt; null when it is not there or nft fails.</summary>
    public static NftCounter? ListCounter(string name)
    {
        if (name.Length is < 1 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            return null;
        var result = Run(["-j", "list", "counter", "inet", "redoubt", name], "", TimeLimit);
        return result.Succeeded ? ParseCounter(result.Output) : null;
    }

    internal static NftCounter? ParseCounter(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (!document.RootElement.TryGetProperty("nftables", out var items) || items.ValueKind != JsonValueKind.Array)
                return null;
            foreach (var item in items.EnumerateArray())
            {
                if (
                    item.ValueKind == JsonValueKind.Object
                    && item.TryGetProperty("counter", out var counter)
                    && counter.ValueKind == JsonValueKind.Object
                    && counter.TryGetProperty("packets", out var packets)
                    && packets.TryGetInt64(out var p)
                    && counter.TryGetProperty("bytes", out var bytes)
                    && bytes.TryGetInt64(out var b)
                )
                    return new NftCounter(p, b);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
        return null;
    }

    internal static NftResult Run(
        IEnumerable<string> arguments,
        string input,
        TimeSpan limit,
        string? program = null,
        int maxOutput = MaxOutput
    )
    {
        program ??= Array.Find(Places, File.Exists);
        if (program is null)
            return new NftResult(false, -1, "", "nft is not installed");
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            StandardInputEncoding = new UTF8Encoding(false),
        };
        start.Environment.Clear();
        start.Environment["LC_ALL"] = "C.UTF-8";
        Process child;
        try
        {
            child = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return new NftResult(false, -1, "", $"{program} cannot be started: {e.Message}");
        }
        using (child)
            return Converse(child, input, limit, maxOutput);
    }

    // Three pipes at once: a child that writes before it has read all must not block us, nor we it.
    private static NftResult Converse(Process child, string input, TimeSpan limit, int maxOutput)
    {
        var output = OnItsOwn(() => ReadBounded(child.StandardOutput, maxOutput));
        var error = OnItsOwn(() => ReadBounded(child.StandardError, MaxOutput));
        var feed = OnItsOwn(() => Feed(child.StandardInput, input));
        var inTime = child.WaitForExit(limit);
        if (!inTime)
        {
            child.Kill();
            child.WaitForExit();
        }
        Task.WaitAll([output, error, feed], TimeSpan.FromSeconds(2));
        var said = output.IsCompletedSuccessfully ? output.Result : "";
        if (!inTime)
            return new NftResult(
                false,
                -1,
                said,
                FormattableString.Invariant($"nft was stopped: it took longer than {limit.TotalSeconds} s")
            );
        var complaint = error.IsCompletedSuccessfully ? error.Result.Trim() : "";
        if (child.ExitCode == 0)
            return new NftResult(true, 0, said, "");
        return new NftResult(
            false,
            child.ExitCode,
            said,
            complaint.Length > 0 ? complaint : FormattableString.Invariant($"nft ended with code {child.ExitCode}")
        );
    }

    // Each blocks for as long as nft runs: on the pool's few threads, what nft waits for would wait half a second for a thread.
    private static Task<T> OnItsOwn<T>(Func<T> act) =>
        Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static bool Feed(StreamWriter stdin, string input)
    {
        try
        {
            stdin.Write(input);
            stdin.Close();
            return true;
        }
        catch (IOException)
        {
            return false; // nft ended before it had read everything; its exit code says why
        }
    }

    private static string ReadBounded(StreamReader reader, int max)
    {
        var kept = new StringBuilder();
        var buffer = new char[4096];
        for (int length; (length = reader.Read(buffer, 0, buffer.Length)) > 0; )
            kept.Append(buffer, 0, Math.Min(length, max - kept.Length));
        return kept.ToString();
    }
}
