using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Processes;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Checks;

/// <summary>One try of a health check: null where it succeeds, else why not, in one sentence. Ends when told to.</summary>
internal static class HealthProbe
{
    private const int StatusLineLimit = 256;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Tries; <paramref name="device"/> is the kernel's name of the interface that a link check names.</summary>
    public static async Task<string?> TryAsync(HealthCheck check, string? device, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(check.Timeout);
        try
        {
            return check.Type switch
            {
                HealthCheckType.Ping => await PingAsync(check, limit.Token).ConfigureAwait(false),
                HealthCheckType.Tcp => await ConnectAsync(check.Target, limit.Token).ConfigureAwait(false),
                HealthCheckType.Http => await GetAsync(check.Target, limit.Token).ConfigureAwait(false),
                HealthCheckType.Script => await RunAsync(check, limit.Token).ConfigureAwait(false),
                HealthCheckType.Process => Runs(check.Target) ? null : $"no process is called {check.Target}",
                HealthCheckType.File => File.Exists(check.Target) ? null : $"there is no file {check.Target}",
                _ => HasCarrier(device) ? null : $"{device ?? check.Target} has no carrier",
            };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"no answer within {check.Timeout.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is SocketException or IOException or PingException or Win32Exception or UnauthorizedAccessException)
        {
            return (e.InnerException ?? e).Message;
        }
    }

    // One of several addresses is enough.
    private static async Task<string?> PingAsync(HealthCheck check, CancellationToken limit)
    {
        var tries = check.Target.Split(' ').Select(t => PingAsync(t, check.Timeout, limit)).ToList();
        var error = "";
        await foreach (var answer in Task.WhenEach(tries).ConfigureAwait(false))
        {
            if (await answer.ConfigureAwait(false) is not { } why)
                return null;
            error = why;
        }
        return error;
    }

    private static async Task<string?> PingAsync(string target, TimeSpan timeout, CancellationToken limit)
    {
        using var ping = new Ping();
        try
        {
            var reply = await ping.SendPingAsync(IPAddress.Parse(target), timeout, cancellationToken: limit).ConfigureAwait(false);
            return reply.Status == IPStatus.Success ? null : $"{target}: {reply.Status}";
        }
        catch (Exception e) when (e is PingException or SocketException)
        {
            return $"{target}: {(e.InnerException ?? e).Message}"; // no route to one address says nothing of the others
        }
    }

    private static async Task<string?> ConnectAsync(string target, CancellationToken limit)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(target), limit).ConfigureAwait(false);
        return null;
    }

    // No client of the framework: the daemon speaks no HTTP but for this question, and reads one line of the answer.
    private static async Task<string?> GetAsync(string target, CancellationToken limit)
    {
        var url = new Uri(target);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(url.DnsSafeHost), url.Port), limit).ConfigureAwait(false);
        var request = $"GET {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nUser-Agent: redoubt\r\nConnection: close\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), limit).ConfigureAwait(false);
        var buffer = new byte[StatusLineLimit];
        var filled = 0;
        while (filled < buffer.Length && buffer.AsSpan(0, filled).IndexOf((byte)'\n') < 0)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled), limit).ConfigureAwait(false);
            if (read == 0)
                break;
            filled += read;
        }
        var words = Encoding.Latin1.GetString(buffer, 0, filled).Split('\r', '\n')[0].Split(' ');
        var isStatus = words.Length >= 2 && words[0].StartsWith("HTTP/1.", StringComparison.Ordinal);
        if (!isStatus || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var status))
            return $"{target}: the answer is not HTTP";
        return status is >= 200 and < 400 ? null : $"{target}: status {status.ToString(CultureInfo.InvariantCulture)}";
    }

    // The words of the target are the argument vector; what it prints is nobody's.
    private static async Task<string?> RunAsync(HealthCheck check, CancellationToken limit)
    {
        var words = check.Target.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (!File.Exists(words[0]))
            return $"there is no file {words[0]}";
        if ((File.GetUnixFileMode(words[0]) & WritableByOthers) != 0)
            return $"{words[0]} may be written by others than its owner: it is not run";
        var (code, _) = await ChildProcess.RunAsync(words, ChildEnvironment.Basic, limit).ConfigureAwait(false);
        return code == 0 ? null : $"{words[0]} ended with code {code.ToString(CultureInfo.InvariantCulture)}";
    }

    private static bool Runs(string name)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!char.IsAsciiDigit(Path.GetFileName(folder)[0]))
                continue;
            try
            {
                if (File.ReadAllText(Path.Combine(folder, "comm")).TrimEnd('\n') == name)
                    return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
            }
        }
        return false;
    }

    private static bool HasCarrier(string? device)
    {
        using var route = new RouteNetlink();
        return route.Links().Any(l => l.Name == device && l.IsRunning);
    }
}
