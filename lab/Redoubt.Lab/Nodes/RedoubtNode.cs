using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Nodes;

/// <summary>A firewall that runs redoubtd.</summary>
public sealed class RedoubtNode : FirewallNode
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1);
    private readonly string _state;

    internal RedoubtNode(int number, Place place, Port lan, Port wan, Port sync, Topology topology, RedoubtOptions options)
        : base(number, place, lan, wan, sync, Path.Combine(topology.Directory, place.Name))
    {
        Options = options;
        _state = Path.Combine(Directory, "state");
        Control = Path.Combine(topology.Directory, $"{Name}.sock");
        ConfigFile = Path.Combine(Directory, "config.xml");
        System.IO.Directory.CreateDirectory(_state);
        topology.WriteClusterKey(Path.Combine(Directory, NodeConfigFile.SecretFile));
        File.WriteAllText(ConfigFile, NodeConfigFile.Write(number, topology.FirewallCount, topology.HasIPv6, options));
    }

    /// <summary>What it was made with.</summary>
    public RedoubtOptions Options { get; }

    /// <summary>Its control socket.</summary>
    public string Control { get; }

    /// <summary>Its config.xml; may be changed before a start.</summary>
    public string ConfigFile { get; }

    /// <summary>Its state directory.</summary>
    public string StateDirectory => _state;

    /// <summary>The daemon; null before the first start.</summary>
    public LabProcess? Daemon => Processes.Count > 0 ? Processes[0] : null;

    /// <summary>The path of redoubtd: from the folder REDOUBT_DIST, else from beside this program.</summary>
    public static string DaemonPath
    {
        get
        {
            var folder = Environment.GetEnvironmentVariable("REDOUBT_DIST") is { Length: > 0 } dist ? dist : AppContext.BaseDirectory;
            var path = Path.Combine(folder, "redoubtd");
            return File.Exists(path)
                ? path
                : throw new LabException($"there is no {path}; run build.sh, or name the folder of redoubtd in REDOUBT_DIST");
        }
    }

    /// <summary>Asks the daemon over its control socket, for at most 60 s or the limit; throws <see cref="ControlException"/>.</summary>
    public ControlReply Ask(ControlRequest request, TimeSpan? limit = null)
    {
        using var timer = new CancellationTokenSource(limit ?? ControlClient.AnswerLimit);
        try
        {
            return Task.Run(() => ControlClient.AskOnceAsync(Control, request, timer.Token)).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException e)
        {
            throw new ControlException($"{Name} does not answer in time", e);
        }
    }

    /// <summary>Asks the daemon with a document beside the line; throws <see cref="ControlException"/>.</summary>
    public ControlAnswer AskWithDocument(ControlRequest request, byte[]? document, TimeSpan? limit = null)
    {
        return Task.Run(Ask).GetAwaiter().GetResult();

        async Task<ControlAnswer> Ask()
        {
            using var client = await ControlClient.ConnectAsync(Control).ConfigureAwait(false);
            return await client
                .AskWithDocumentAsync(request, document is null ? (ReadOnlyMemory<byte>?)null : document, limit)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Asks the daemon with a verb of <see cref="ControlVerb"/> that takes no options.</summary>
    public ControlReply Ask(string verb) => Ask(new ControlRequest { Verb = verb });

    /// <summary>What the daemon says of itself, within 60 s or the limit; throws <see cref="ControlException"/>.</summary>
    public NodeStatus Status(TimeSpan? limit = null) =>
        Ask(new ControlRequest { Verb = ControlVerb.Status }, limit).Status ?? throw new LabException($"{Name} answers without a status");

    /// <summary>The state of a vhid (1 on the LAN, 2 on the WAN); null when the daemon does not answer within a second.</summary>
    public VipState? State(int vhid)
    {
        if (Daemon is not { IsRunning: true })
            return null;
        try
        {
            return Status(_patience).Carp.Vips.FirstOrDefault(v => v.Vhid == vhid)?.State;
        }
        catch (ControlException)
        {
            return null;
        }
    }

    /// <summary>Waits until a vhid is in a state and returns how long that took; throws <see cref="LabException"/>.</summary>
    public TimeSpan WaitForState(int vhid, VipState state, Deadline deadline) =>
        deadline.Await($"{Name} is {state} for vhid {vhid}", () => State(vhid) == state, () => $"{State(vhid)}; {Daemon?.Tail}");

    /// <summary>Waits until both vhids are in a state and returns how long that took; throws <see cref="LabException"/>.</summary>
    public TimeSpan WaitForState(VipState state, Deadline deadline)
    {
        var start = deadline.Elapsed;
        WaitForState(Topology.LanVhid, state, deadline);
        WaitForState(Topology.WanVhid, state, deadline);
        return deadline.Elapsed - start;
    }

    /// <summary>All events that the daemon keeps, oldest first; throws <see cref="ControlException"/>.</summary>
    public IReadOnlyList<EventRecord> Events()
    {
        return Task.Run(Read).GetAwaiter().GetResult();

        async Task<List<EventRecord>> Read()
        {
            using var client = await ControlClient.ConnectAsync(Control).ConfigureAwait(false);
            List<EventRecord> events = [];
            var request = new ControlRequest { Verb = ControlVerb.Events };
            await foreach (var reply in client.AskAsync(request, ControlClient.AnswerLimit).ConfigureAwait(false))
            {
                if (reply.Event is { } record)
                    events.Add(record);
            }
            return events;
        }
    }

    private protected override void StartPrograms()
    {
        var daemon = Launch("redoubtd", DaemonPath, "--config", ConfigFile, "--state", _state, "--control", Control);
        Deadline
            .In(15)
            .Await(
                $"{Name}'s redoubtd answers",
                () => State(Topology.LanVhid) is not null || (!daemon.IsRunning ? throw Ended(daemon) : false),
                () => daemon.Tail
            );
    }

    private LabException Ended(LabProcess daemon) => new($"{Name}: redoubtd ended with code {daemon.ExitCode}: {daemon.Tail}");
}
