using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>What an engine counts since it was made. Owned by the engine's thread.</summary>
public sealed class StateSyncCounters
{
    private readonly long[] _rejections = new long[Enum.GetValues<PfsyncRejection>().Length];

    /// <summary>Datagrams refused for a reason, whole or in part; <see cref="PfsyncRejection.None"/> counts those accepted whole.</summary>
    public long this[PfsyncRejection rejection] => _rejections[(int)rejection];

    /// <summary>Datagrams sent, those sent again among them.</summary>
    public long DatagramsSent { get; internal set; }

    /// <summary>Datagrams sent again.</summary>
    public long DatagramsResent { get; internal set; }

    /// <summary>States told to peers.</summary>
    public long StatesSent { get; internal set; }

    /// <summary>Ends of states told to peers.</summary>
    public long DeletesSent { get; internal set; }

    /// <summary>Questions about states put to peers.</summary>
    public long AsksSent { get; internal set; }

    /// <summary>States that peers told of.</summary>
    public long StatesReceived { get; internal set; }

    /// <summary>Ends that peers told of.</summary>
    public long DeletesReceived { get; internal set; }

    /// <summary>States put into this kernel.</summary>
    public long Installed { get; internal set; }

    /// <summary>States of this kernel changed as a peer said.</summary>
    public long Updated { get; internal set; }

    /// <summary>States deleted from this kernel as a peer said.</summary>
    public long Deleted { get; internal set; }

    /// <summary>What a peer told was older than what is known here.</summary>
    public long Stale { get; internal set; }

    /// <summary>Entries that stood in the way of a state and were deleted.</summary>
    public long Conflicts { get; internal set; }

    /// <summary>States that this kernel did not take; the scan tries again.</summary>
    public long NotInstalled { get; internal set; }

    /// <summary>States beyond the limit of the store: not replicated.</summary>
    public long StoreFull { get; internal set; }

    /// <summary>States of peers that do not belong into the replication (addresses of nodes, multicast, ...).</summary>
    public long OutOfScope { get; internal set; }

    /// <summary>Events of the kernel that were lost, each repaired by a walk over the table.</summary>
    public long Overruns { get; internal set; }

    /// <summary>Flows this node took over from another owner.</summary>
    public long Adopted { get; internal set; }

    internal void Count(PfsyncRejection rejection) => _rejections[(int)rejection]++;
}
