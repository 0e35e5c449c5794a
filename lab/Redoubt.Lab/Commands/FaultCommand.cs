using System.Globalization;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Commands;

/// <summary>The words of "fault" and "heal".</summary>
internal static class FaultCommand
{
    /// <summary>One line per fault, for the usage.</summary>
    public const string Usage = """
          kill|freeze|crash|stop NODE     kill -9, SIGSTOP, power failure, orderly stop
          thaw|start NODE                 SIGCONT; start what was killed or stopped
          unplug PORT                     the carrier goes
          cut PORT [to|from]              frames vanish silently, all or those to or from the host
          lose PORT PERCENT               random loss
          duplicate PORT [PERCENT]        frames to the host come twice
        """;

    /// <summary>Carries out one fault or heals; returns what was done. Throws <see cref="LabException"/>.</summary>
    public static string Run(LabCluster lab, IReadOnlyList<string> words)
    {
        switch (words)
        {
            case ["heal"]:
                lab.Heal();
                return "everything is healed";
            case ["heal", var port] when port.Contains('.', StringComparison.Ordinal):
                lab.Topology.Port(port).Restore();
                return $"{port} is healed";
            case ["heal", var node]:
                lab[node].Heal();
                return $"{node} is healed";
            case ["fault", "kill", var node]:
                lab[node].Kill9();
                return $"{node}: killed";
            case ["fault", "freeze", var node]:
                lab[node].Freeze();
                return $"{node}: frozen";
            case ["fault", "thaw", var node]:
                lab[node].Thaw();
                return $"{node}: thawed";
            case ["fault", "crash", var node]:
                lab[node].Crash();
                return $"{node}: crashed";
            case ["fault", "stop", var node]:
                return lab[node].Stop() ? $"{node}: stopped" : throw new LabException($"{node}: had to be killed");
            case ["fault", "start", var node]:
                lab[node].Start();
                return $"{node}: runs";
            case ["fault", "unplug", var port]:
                lab.Topology.Port(port).Unplug();
                return Faults(lab, port);
            case ["fault", "cut", var port]:
                lab.Topology.Port(port).Cut();
                return Faults(lab, port);
            case ["fault", "cut", var port, "to" or "from"]:
                lab.Topology.Port(port).Cut(words[3] == "to" ? Direction.ToHost : Direction.FromHost);
                return Faults(lab, port);
            case ["fault", "lose", var port, var percent]:
                lab.Topology.Port(port).Lose(Percent(percent));
                return Faults(lab, port);
            case ["fault", "duplicate", var port]:
                lab.Topology.Port(port).Duplicate();
                return Faults(lab, port);
            case ["fault", "duplicate", var port, var percent]:
                lab.Topology.Port(port).Duplicate(Percent(percent));
                return Faults(lab, port);
            default:
                throw new LabException($"not understood: {string.Join(' ', words)}\n{Usage}");
        }
    }

    private static string Faults(LabCluster lab, string port) => string.Join('\n', lab.Topology.Port(port).Faults);

    private static int Percent(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var percent) && percent is >= 1 and <= 100
            ? percent
            : throw new LabException($"{text}: a percentage from 1 to 100 is expected");
}
