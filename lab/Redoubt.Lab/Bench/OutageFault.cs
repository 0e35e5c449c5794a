using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Bench;

/// <summary>One way in which the master goes.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Summary">What is done to it.</param>
/// <param name="Break">Makes it go.</param>
/// <param name="Mend">Brings it back.</param>
/// <param name="Stays">How long the fault stays at least, so that a second owner is seen.</param>
internal sealed record OutageFault(string Name, string Summary, Action<FirewallNode> Break, Action<FirewallNode> Mend, TimeSpan Stays)
{
    /// <summary>The word that asks for the way back to be measured too; alone, that of a crash.</summary>
    public const string Failback = "failback";

    private const int SIGUSR2 = 12;
    private static readonly TimeSpan _watched = TimeSpan.FromSeconds(6);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<OutageFault> All { get; } =
    [
        new("crash", "all its ports fall silent, its programs and states are gone", n => n.Crash(), n => n.Heal(), TimeSpan.Zero),
        new("linkdown", "its LAN cable is pulled", n => n.Lan.Unplug(), n => n.Lan.Restore(), TimeSpan.Zero),
        new("kill9", "kill -9 of its programs; its kernel goes on", n => n.Kill9(), n => n.Heal(), _watched),
        new("sigstop", "SIGSTOP of its programs; its kernel goes on", n => n.Freeze(), n => n.Thaw(), _watched),
        new("planned", "the operator asks it to hand over", HandOver, TakeBack, TimeSpan.Zero),
    ];

    private static void HandOver(FirewallNode node)
    {
        switch (node)
        {
            case RedoubtNode redoubt:
                Ask(redoubt, back: false);
                break;
            case UcarpNode ucarp:
                foreach (var process in ucarp.Processes)
                    _ = SystemCalls.Kill(process.Id, SIGUSR2);
                break;
            default:
                node.Stop();
                break;
        }
    }

    // ucarp takes back by itself.
    private static void TakeBack(FirewallNode node)
    {
        if (node is RedoubtNode redoubt)
            Ask(redoubt, back: true);
        else if (!node.IsRunning)
            node.Heal();
    }

    private static void Ask(RedoubtNode node, bool back)
    {
        var reply = node.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = back });
        if (reply.Ok != true)
            throw new LabException($"{node.Name} refuses: {reply.Message}");
    }
}
