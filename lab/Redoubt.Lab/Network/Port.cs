using System.Globalization;

namespace Redoubt.Lab.Network;

/// <summary>Which frames of a port a fault concerns, seen from the host.</summary>
[Flags]
public enum Direction
{
    /// <summary>Frames that the switch sends to the host.</summary>
    ToHost = 1,

    /// <summary>Frames that the host sends.</summary>
    FromHost = 2,

    /// <summary>Both.</summary>
    Both = ToHost | FromHost,
}

/// <summary>
/// The cable from a host to the switch. Every fault sits at the switch's end, so the host cannot see it but by its effect, and ends
/// when the returned object is disposed or at <see cref="Restore"/>. Faults of one port add up.
/// </summary>
public sealed class Port
{
    private readonly Place _switch;
    private readonly List<Fault> _faults = [];
    private int _number;

    internal Port(Place @switch, string segment, Place host, string device) =>
        (_switch, Segment, Host, Device) = (@switch, segment, host, device);

    /// <summary>"fw1.lan": how commands name it.</summary>
    public string Name => $"{Host.Name}.{Segment}";

    /// <summary>The segment's name.</summary>
    public string Segment { get; }

    /// <summary>The host.</summary>
    public Place Host { get; }

    /// <summary>Device name within the host.</summary>
    public string Device { get; }

    /// <summary>Device name of the far end within the switch.</summary>
    public string SwitchDevice => $"{Host.Name}-{Segment}";

    /// <summary>True when the host sees a carrier.</summary>
    public bool HasCarrier => Host.Execute("ip", "-o", "link", "show", "dev", Device).Contains("LOWER_UP", StringComparison.Ordinal);

    /// <summary>What is wrong with the port now, one text each.</summary>
    public IReadOnlyList<string> Faults => [.. _faults.Select(f => f.Description)];

    /// <summary>Pulls the plug: the host loses its carrier.</summary>
    public IDisposable Unplug()
    {
        _switch.Ip($"link set dev {SwitchDevice} down");
        return Note(new Fault(this, $"{Name} is unplugged", () => _switch.Ip($"link set dev {SwitchDevice} up")));
    }

    /// <summary>
    /// Silently drops frames; the carrier stays. <paramref name="match"/> limits that to what an nft expression matches,
    /// "ip protocol 112".
    /// </summary>
    public IDisposable Cut(Direction direction = Direction.Both, string match = "") =>
        Rule($"{Name} is cut ({direction}){(match.Length > 0 ? $" for {match}" : "")}", direction, $"{match} drop");

    /// <summary>Drops so many percent of the frames at random.</summary>
    public IDisposable Lose(int percent, Direction direction = Direction.Both, string match = "") =>
        Rule($"{Name} loses {percent} % ({direction})", direction, $"{match} {Chance(percent)} drop");

    /// <summary>Delivers so many percent of the frames to the host twice.</summary>
    public IDisposable Duplicate(int percent = 100, string match = "") =>
        // The copy passes the same hook again; the mark, which ends with the cable, keeps it from being copied too.
        Rule(
            $"{Name} duplicates {percent} %",
            Direction.ToHost,
            $"{match} meta mark 0 {Chance(percent)} meta mark set 1 dup to \"{SwitchDevice}\""
        );

    /// <summary>Ends every fault of this port.</summary>
    public void Restore()
    {
        foreach (var fault in _faults.ToArray())
            fault.Dispose();
    }

    private static string Chance(int percent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(percent, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);
        return percent == 100 ? "" : string.Create(CultureInfo.InvariantCulture, $"numgen random mod 100 < {percent}");
    }

    // One table per fault, so that ending one leaves the others alone. Egress of the switch's end is what the host receives.
    private Fault Rule(string description, Direction direction, string rule)
    {
        var table = string.Create(CultureInfo.InvariantCulture, $"fault_{Host.Name}_{Segment}_{++_number}");
        var chains = new[] { (Direction.ToHost, "egress"), (Direction.FromHost, "ingress") }
            .Where(c => direction.HasFlag(c.Item1))
            .Select(c => $"chain {c.Item2} {{\ntype filter hook {c.Item2} device \"{SwitchDevice}\" priority 0;\n{rule}\n}}");
        _switch.Nft($"table netdev {table} {{\n{string.Join('\n', chains)}\n}}\n");
        return Note(new Fault(this, description, () => _switch.Nft($"delete table netdev {table}\n")));
    }

    private Fault Note(Fault fault)
    {
        _faults.Add(fault);
        return fault;
    }

    private sealed class Fault(Port port, string description, Action end) : IDisposable
    {
        public string Description => description;

        public void Dispose()
        {
            if (port._faults.Remove(this))
                end();
        }
    }
}
