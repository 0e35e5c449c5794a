using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Redoubt.Daemon.Systemd;

/// <summary>What is told to the service manager that started this process, sd_notify(3): one datagram to the socket named in the environment; a leading @ means an abstract name.</summary>
internal static class SystemdNotification
{
    /// <summary>Sends a state, "READY=1"; nothing where nobody asked for it.</summary>
    public static void Tell(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path)
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path));
            socket.Send(Encoding.UTF8.GetBytes(state));
        }
        catch (SocketException e)
        {
            Console.Error.WriteLine($"redoubtd: cannot tell the service manager: {e.Message}");
        }
    }

    /// <summary>How often it wants to hear from this process; null: it does not.</summary>
    public static TimeSpan? WatchdogInterval =>
        ParseInterval(
            Environment.GetEnvironmentVariable("WATCHDOG_USEC"),
            Environment.GetEnvironmentVariable("WATCHDOG_PID"),
            Environment.ProcessId
        );

    /// <summary>The same of given values: microseconds, and the process that is meant, where one is named.</summary>
    internal static TimeSpan? ParseInterval(string? microseconds, string? process, int self)
    {
        if (process is { Length: > 0 } && process != self.ToString(CultureInfo.InvariantCulture))
            return null;
        return long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var usec) && usec is > 0 and < 1L << 52
            ? TimeSpan.FromMicroseconds(usec)
            : null;
    }
}
