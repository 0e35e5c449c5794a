using System.Globalization;
using System.Net;
using Redoubt.Control;

namespace Redoubt.Web;

/// <summary>What the command line says.</summary>
public sealed record WebOptions
{
    /// <summary>How to call the program.</summary>
    public const string Usage =
        "usage: redoubt-web [--control SOCKET] [--state DIR] [--listen ADDRESS:PORT]... [--insecure-loopback PORT] [--allow exec-shell|legacy-calls]...";

    /// <summary>The daemon's socket.</summary>
    public string Control { get; init; } = ControlLimits.DefaultSocket;

    /// <summary>Where the certificate is kept.</summary>
    public string State { get; init; } = "/var/lib/redoubt-web";

    /// <summary>Where HTTPS is served, beside the sockets that systemd hands over.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];

    /// <summary>Port of plain HTTP on 127.0.0.1 and ::1; null for none, 0 for any.</summary>
    public int? InsecureLoopback { get; init; }

    /// <summary>Commands of the list are carried out when <c>exec_shell</c> names them; otherwise that list is empty.</summary>
    public bool AllowExecShell { get; init; }

    /// <summary>Calls of pfSense up to 2.3, with the password as first parameter, are taken (beside Basic authentication).</summary>
    public bool AllowLegacyCalls { get; init; }

    /// <summary>Sizes and times.</summary>
    public WebLimits Limits { get; init; } = new();

    /// <summary>Reads the arguments; null and what is wrong with them where something is.</summary>
    public static WebOptions? Read(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new WebOptions();
        var listen = new List<IPEndPoint>();
        problem = "";
        for (var i = 0; i < arguments.Count; i += 2)
        {
            var name = arguments[i];
            if (i + 1 == arguments.Count)
            {
                problem = $"{name}: a value is missing, or it is not an option";
                return null;
            }
            var value = arguments[i + 1];
            switch (name)
            {
                case "--control":
                    options = options with { Control = value };
                    break;
                case "--state":
                    options = options with { State = value };
                    break;
                case "--listen"
                    when IPEndPoint.TryParse(value, out var endPoint) && value.EndsWith($":{endPoint.Port}", StringComparison.Ordinal):
                    listen.Add(endPoint);
                    break;
                case "--insecure-loopback" when ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port):
                    options = options with { InsecureLoopback = port };
                    break;
                case "--allow" when value == "exec-shell":
                    options = options with { AllowExecShell = true };
                    break;
                case "--allow" when value == "legacy-calls":
                    options = options with { AllowLegacyCalls = true };
                    break;
                default:
                    problem = $"{name} {value}: not an option, or not a value for it";
                    return null;
            }
        }
        if (listen.Count == 0 && Environment.GetEnvironmentVariable("LISTEN_FDS") is null)
            listen.Add(new IPEndPoint(IPAddress.IPv6Any, 443));
        return options with { Listen = listen };
    }
}
