using System.Threading.Channels;
using Redoubt.Control;

namespace Redoubt.Daemon.Control;

/// <summary>An answer with the document that goes beside it.</summary>
/// <param name="Reply">The line.</param>
/// <param name="Document">The document; null for none.</param>
public sealed record ControlOutcome(ControlReply Reply, ReadOnlyMemory<byte>? Document = null);

/// <summary>
/// What the control socket can ask of the configuration store and of its synchronisation. Each call has a thread of its own, at most
/// <see cref="ServerLimits.ConfigsAtOnce"/> at a time; arguments are checked for form and range before.
/// </summary>
public sealed record ConfigVerbs
{
    /// <summary>The document in force; true: with secrets as ***.</summary>
    public required Func<bool, ControlOutcome> Show { get; init; }

    /// <summary>What is wrong with a document.</summary>
    public required Func<byte[], ControlReply> Check { get; init; }

    /// <summary>What differs from the document in force: of a document, or of an entry of the history.</summary>
    public required Func<byte[]?, string?, ControlReply> Diff { get; init; }

    /// <summary>Applies a document.</summary>
    public required Func<byte[], ConfigApplyRequest, ControlReply> Apply { get; init; }

    /// <summary>Applies a document of redoubt-web's, which may not name other programs than root has; null: as <see cref="Apply"/>.</summary>
    public Func<byte[], ConfigApplyRequest, ControlReply>? ApplyForWeb { get; init; }

    /// <summary>The same for a connection of redoubt-web's.</summary>
    public ConfigVerbs ForWeb() =>
        this with
        {
            Apply = ApplyForWeb ?? Apply,
            ClusterInit = _ => ControlReply.Error(OnlyRoot),
            ClusterJoin = _ => ControlReply.Error(OnlyRoot),
        };

    // An invitation holds the cluster's secret, and who takes one hands this node over to somebody.
    private const string OnlyRoot = "refused: only root and the daemon's own user may do this";

    /// <summary>Keeps a change that waits for its confirmation.</summary>
    public required Func<ControlReply> Confirm { get; init; }

    /// <summary>The history.</summary>
    public required Func<ControlReply> History { get; init; }

    /// <summary>Applies an entry of the history.</summary>
    public required Func<ConfigRollbackRequest, ControlReply> Rollback { get; init; }

    /// <summary>Carries out a call of a primary.</summary>
    public required Func<ConfigReceiveRequest, byte[], ControlReply> Receive { get; init; }

    /// <summary>Takes the primary's next push although this node was edited.</summary>
    public required Func<ControlReply> Accept { get; init; }

    /// <summary>Sections as a methodResponse.</summary>
    public required Func<ConfigBackupRequest, ControlOutcome> Backup { get; init; }

    /// <summary>Versions of document and program.</summary>
    public required Func<ControlReply> Version { get; init; }

    /// <summary>Digests by area; refused to who brings a push that would be.</summary>
    public required Func<ConfigReceiveRequest?, ControlReply> Digests { get; init; }

    /// <summary>Pushes and waits for the outcome.</summary>
    public required Func<ConfigPushRequest, ControlReply> Push { get; init; }

    /// <summary>Everything that a push needs.</summary>
    public required Func<ConfigPushPlanRequest, ControlOutcome> PushPlan { get; init; }

    /// <summary>Takes note of how a push ended.</summary>
    public required Func<ConfigPushResult, ControlReply> PushResult { get; init; }

    /// <summary>Attaches redoubt-web. Dispose to detach it; null where one is attached already.</summary>
    public required Func<PushSubscription?> Follow { get; init; }

    /// <summary>Checks a password and a privilege.</summary>
    public required Func<AuthRequest, ControlReply> Auth { get; init; }

    /// <summary>Lists and changes accounts.</summary>
    public required Func<UserRequest, ControlReply> User { get; init; }

    /// <summary>Gives a logical interface its device.</summary>
    public required Func<InterfaceAssignRequest, ControlReply> Assign { get; init; }

    /// <summary>The certificate to serve, unless it is the one whose SHA-256 is given; and the SHA-256 of the one that is shown now.</summary>
    public required Func<string?, string?, ControlOutcome> WebCertificate { get; init; }

    /// <summary>Makes a cluster, or invites one more node.</summary>
    public required Func<ClusterInitRequest, ControlReply> ClusterInit { get; init; }

    /// <summary>Takes an invitation, or the answer to one.</summary>
    public required Func<ClusterJoinRequest, ControlReply> ClusterJoin { get; init; }

    /// <summary>The cluster as it is configured and heard.</summary>
    public required Func<ControlReply> ClusterShow { get; init; }
}

/// <summary>Wanted pushes for the one who carries them out.</summary>
public sealed class PushSubscription(Action<PushSubscription> detach) : IDisposable
{
    private const int Queue = 16; // pushes are coalesced before; more waiting ones would be a fault
    private readonly Channel<PushWanted> _queue = Channel.CreateBounded<PushWanted>(
        new BoundedChannelOptions(Queue) { SingleReader = true }
    );

    /// <summary>The pushes; ends when the daemon stops.</summary>
    public ChannelReader<PushWanted> Reader => _queue.Reader;

    /// <summary>Hands a push over; false where the reader let too many wait.</summary>
    public bool Offer(PushWanted push) => _queue.Writer.TryWrite(push);

    /// <summary>Ends the reader's wait.</summary>
    public void Complete() => _queue.Writer.TryComplete();

    /// <inheritdoc/>
    public void Dispose()
    {
        Complete();
        detach(this);
    }
}
