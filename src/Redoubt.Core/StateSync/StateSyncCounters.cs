using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>What the engine counted since it was made.</summary>
public sealed class StateSyncCounters
{
    private readonly long[] _rejections = new long[Enum.GetValues<PfsyncRejection>().Length];

    /// <summary>Datagrams and messages refused, by reason.</summary>
    public long this[PfsyncRejection reason] => _rejections[(int)reason];

    /// <summary>Kernel news taken in.</summary>
    public long Events { get; internal set; }

    /// <summary>Kernel news that our own changes caused.</summary>
    public long Echoes { get; internal set; }

    /// <summary>Times the kernel lost news for want of buffer.</summary>
    public long Overruns { get; internal set; }

    /// <summary>Datagrams given to the network, first sendings and hellos.</summary>
    public long DatagramsSent { get; internal set; }

    /// <summary>Datagrams sent again.</summary>
    public long DatagramsResent { get; internal set; }

    /// <summary>Datagrams the network did not take.</summary>
    public long SendFailures { get; internal set; }

    /// <summary>Datagrams that came in, whatever became of them: those accepted and those refused for any reason.</summary>
    public long DatagramsReceived { get; internal set; }

    /// <summary>Datagrams accepted whole.</summary>
    public long DatagramsAccepted { get; internal set; }

    /// <summary>State messages sent.</summary>
    public long StatesSent { get; internal set; }

    /// <summary>State messages received.</summary>
    public long StatesReceived { get; internal set; }

    /// <summary>State messages that said nothing newer than is known.</summary>
    public long StatesStale { get; internal set; }

    /// <summary>Delete messages sent.</summary>
    public long DeletesSent { get; internal set; }

    /// <summary>Delete messages received.</summary>
    public long DeletesReceived { get; internal set; }

    /// <summary>Deletes of another life, another owner or nothing we know.</summary>
    public long DeletesStale { get; internal set; }

    /// <summary>Questions sent.</summary>
    public long AsksSent { get; internal set; }

    /// <summary>Questions received.</summary>
    public long AsksReceived { get; internal set; }

    /// <summary>Expected flows sent.</summary>
    public long ExpectationsSent { get; internal set; }

    /// <summary>Expected flows received.</summary>
    public long ExpectationsReceived { get; internal set; }

    /// <summary>Expected flows that the kernel did not take: it lacks the helper, or the connection that announced them.</summary>
    public long ExpectationFailures { get; internal set; }

    /// <summary>Handshakes in flight that were called established at a take-over.</summary>
    public long Promoted { get; internal set; }

    /// <summary>Entries met in walks that a flowtable forwards past connection tracking.</summary>
    public long Offloaded { get; internal set; }

    /// <summary>States taken over from another owner.</summary>
    public long Claims { get; internal set; }

    /// <summary>Entries put into the kernel.</summary>
    public long Installed { get; internal set; }

    /// <summary>Entries the kernel did not take; tried again by the scan.</summary>
    public long InstallFailures { get; internal set; }

    /// <summary>Stale entries removed from the kernel to make room for the true one.</summary>
    public long Evicted { get; internal set; }

    /// <summary>States not replicated because the store is full.</summary>
    public long StoreFull { get; internal set; }

    /// <summary>Messages about flows that are not replicated.</summary>
    public long OutOfScope { get; internal set; }

    /// <summary>Scans of the whole table completed.</summary>
    public long Scans { get; internal set; }

    /// <summary>Sessions opened with peers.</summary>
    public long Sessions { get; internal set; }

    /// <summary>Comparisons begun with a peer: its answer says whether it has the same.</summary>
    public long DigestsSent { get; internal set; }

    /// <summary>A peer's digests compared with our own.</summary>
    public long DigestsReceived { get; internal set; }

    /// <summary>Those of them that differed.</summary>
    public long DigestsDifferent { get; internal set; }

    /// <summary>States told or asked for because digests differed.</summary>
    public long DigestRepairs { get; internal set; }

    /// <summary>Comparisons that a peer did not finish.</summary>
    public long DigestTimeouts { get; internal set; }

    /// <summary>Peers that came back after a silence and were told what differed instead of everything.</summary>
    public long Rejoins { get; internal set; }

    /// <summary>Times that a peer's states went over to another link.</summary>
    public long LinkChanges { get; internal set; }

    /// <summary>Bulks received completely.</summary>
    public long BulksReceived { get; internal set; }

    /// <summary>Bulks sent completely.</summary>
    public long BulksSent { get; internal set; }

    /// <summary>Frames held until the peers know their flow.</summary>
    public long Held { get; internal set; }

    /// <summary>Those of them that went when every peer that lived had acknowledged.</summary>
    public long HoldsAcknowledged { get; internal set; }

    /// <summary>Those of them that went when the limit was over, or this node had stopped forwarding.</summary>
    public long HoldsExpired { get; internal set; }

    /// <summary>Frames that went at once because enough were held.</summary>
    public long HoldsRefused { get; internal set; }

    /// <summary>Frames that went at once because their flow is not known.</summary>
    public long HoldsUnknown { get; internal set; }

    /// <summary>Frames that went at once because there was nobody to wait for: no peer lives, all know the flow, or it is not replicated.</summary>
    public long HoldsNeedless { get; internal set; }

    internal PfsyncRejection Count(PfsyncRejection reason)
    {
        if (reason != PfsyncRejection.None)
            _rejections[(int)reason]++;
        return reason;
    }

    /// <summary>Every counter by its name for metrics.</summary>
    public IEnumerable<KeyValuePair<string, long>> List()
    {
        yield return new("events", Events);
        yield return new("echoes", Echoes);
        yield return new("overruns", Overruns);
        yield return new("datagramsSent", DatagramsSent);
        yield return new("datagramsResent", DatagramsResent);
        yield return new("sendFailures", SendFailures);
        yield return new("datagramsReceived", DatagramsReceived);
        yield return new("datagramsAccepted", DatagramsAccepted);
        yield return new("statesSent", StatesSent);
        yield return new("statesReceived", StatesReceived);
        yield return new("statesStale", StatesStale);
        yield return new("deletesSent", DeletesSent);
        yield return new("deletesReceived", DeletesReceived);
        yield return new("deletesStale", DeletesStale);
        yield return new("asksSent", AsksSent);
        yield return new("asksReceived", AsksReceived);
        yield return new("expectationsSent", ExpectationsSent);
        yield return new("expectationsReceived", ExpectationsReceived);
        yield return new("expectationFailures", ExpectationFailures);
        yield return new("promoted", Promoted);
        yield return new("offloaded", Offloaded);
        yield return new("claims", Claims);
        yield return new("installed", Installed);
        yield return new("installFailures", InstallFailures);
        yield return new("evicted", Evicted);
        yield return new("storeFull", StoreFull);
        yield return new("outOfScope", OutOfScope);
        yield return new("scans", Scans);
        yield return new("sessions", Sessions);
        yield return new("linkChanges", LinkChanges);
        yield return new("bulksReceived", BulksReceived);
        yield return new("bulksSent", BulksSent);
        yield return new("digestsSent", DigestsSent);
        yield return new("digestsReceived", DigestsReceived);
        yield return new("digestsDifferent", DigestsDifferent);
        yield return new("digestRepairs", DigestRepairs);
        yield return new("digestTimeouts", DigestTimeouts);
        yield return new("rejoins", Rejoins);
        yield return new("held", Held);
        yield return new("holdsAcknowledged", HoldsAcknowledged);
        yield return new("holdsExpired", HoldsExpired);
        yield return new("holdsRefused", HoldsRefused);
        yield return new("holdsUnknown", HoldsUnknown);
        yield return new("holdsNeedless", HoldsNeedless);
        for (var reason = PfsyncRejection.UnknownPeer; (int)reason < _rejections.Length; reason++)
            yield return new("rejected" + reason, this[reason]);
    }
}
