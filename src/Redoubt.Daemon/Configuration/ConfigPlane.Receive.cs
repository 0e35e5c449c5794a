using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Control;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration;
using Redoubt.Core.XmlRpc;
using Redoubt.Daemon.Control;

namespace Redoubt.Daemon.Configuration;

/// <summary>The receiver's side: a call of a primary is merged, validated, applied and rolled back here; whoever brought it only carried it.</summary>
internal sealed partial class ConfigPlane
{
    private const string LoopAlarm = "config-sync-loop";
    private volatile bool _isReceiving;
    private readonly Lock _receiveGate = new();

    private ControlReply Receive(ConfigReceiveRequest request, byte[] call)
    {
        lock (_receiveGate)
        {
            var reply = Admit(request) ?? Take(request, call);
            if (reply.Ok == true)
                return reply;
            _events.Add(
                EventKind.Config,
                $"{request.Method} of {request.User} from {request.Address} was refused, nothing was changed: {reply.Message}"
            );
            return reply with { FaultCode = reply.FaultCode ?? XmlRpcFault.RefusedCode };
        }
    }

    // Null: it may go on.
    private ControlReply? Admit(ConfigReceiveRequest request)
    {
        var configuration = Store.Running.Configuration;
        if (!SyncPath.TryParse(request.Origin, string.Join(',', request.Path), out var path))
            return ControlReply.Error("the way of the push is not understood");
        if (!AddressPrefix.TryParseAddress(request.Address, out var caller, out _))
            return ControlReply.Error("the caller's address is not understood");
        var node = configuration.Redoubt.NodeId is > 0 and var id ? id : -1;
        var admission = path.Admit(node, caller, configuration.HaSync.SynchronizeTo);
        if (admission == SyncAdmission.Taken)
        {
            _alarms.Clear(LoopAlarm);
            return null;
        }
        var why = $"{SyncPath.LoopMessage}: {Told(admission)}";
        _alarms.Raise(LoopAlarm, $"a push from {request.Address} was not taken. {why}");
        // pfSense answers true, and its clients expect that; a node of ours is told.
        return request.Origin is null ? new ControlReply { Ok = true, Message = why } : ControlReply.Error(why);
    }

    private static string Told(SyncAdmission admission) =>
        admission switch
        {
            SyncAdmission.LoopWithTarget => "it comes from the node that this one pushes to",
            SyncAdmission.LoopToOrigin => "it began on this node",
            SyncAdmission.LoopOnPath => "it has passed this node",
            _ => "it has passed more nodes than a cluster has",
        };

    private ControlReply Take(ConfigReceiveRequest request, byte[] call)
    {
        if (request.Method is "interfaces_carp_configure" or "filter_configure")
        {
            // Addresses and rules are what the configuration says at every moment: a reconciler sees to it.
            _routes.Repair();
            return new ControlReply { Ok = true, Message = "nothing to do" };
        }
        if (!XmlRpcReader.TryReadCall(call, XmlRpcLimits.Default, out var parsed, out var refusal) || parsed!.Parameters.IsEmpty)
            return ControlReply.Error($"the call is not understood: {refusal}");
        var body = parsed.Parameters[0] switch
        {
            XmlRpcStruct sections => sections,
            XmlRpcArray { Values.IsEmpty: true } => new XmlRpcStruct([]),
            _ => null,
        };
        if (body is null)
            return ControlReply.Error("the call's parameter is no struct") with { FaultCode = XmlRpcFault.BadParameters.Code };
        var running = Store.Running;
        var isPush = request.Method is "restore_config_section" or "restore_config_changes";
        if (
            request.Method == "restore_config_section"
            && body["version"] is XmlRpcString { Value: { Length: > 0 } theirs }
            && Core.ConfigSync.ConfigVersion.Compare(running.Document.Version, theirs) == VersionVerdict.Different
        )
            return ControlReply.Error(Core.ConfigSync.ConfigVersion.Message(VersionVerdict.Different, running.Document.Version, theirs));
        var outcome = request.Method switch
        {
            "restore_config_section" => SectionMerge.Restore(running.Document, body, new MergeOptions { Caller = request.User }),
            "restore_config_changes" => SectionMerge.RestoreChanges(
                running.Document,
                Digests(running).Held,
                body,
                new MergeOptions { Caller = request.User }
            ),
            "merge_config_section" => SectionMerge.MergeConfig(running.Document, body),
            "merge_installedpackages_section" => SectionMerge.MergeInstalledPackages(running.Document, body),
            _ => null,
        };
        if (outcome is null)
            return ControlReply.Error($"{request.Method}: no such method") with { FaultCode = XmlRpcFault.UnknownMethod.Code };
        if (outcome.Candidate is not { } candidate)
            return ControlReply.Error(outcome.Refusal) with { FaultCode = outcome.IsOutdated ? XmlRpcFault.OutdatedCode : null };
        var incoming = outcome.Held ?? AreaDigests.Held(candidate);
        if (isPush && Conflict(request, incoming, running) is { } conflict)
            return ControlReply.Error(conflict);
        var bytes = candidate.ToBytes();
        if (request.DryRun)
            return Store.Check(bytes);
        ControlReply reply;
        _isReceiving = true;
        try
        {
            lock (_syncGate)
            {
                Remember(_memory with { Origin = request.Origin, Path = request.Path.Count == 0 ? null : string.Join(',', request.Path) });
            }
            reply = Store.Apply(bytes, new ConfigChangeOrigin(request.User, $"{outcome.History} ({request.Address})", running.Digest));
        }
        finally
        {
            _isReceiving = false;
        }
        if (reply.Ok != true)
            return reply;
        // The sender reads them next; they are of what is in force and was read from the file's bytes, not of what was meant to be.
        if (
            Store.Running is { Configuration.HaSync.SynchronizeTo: null } applied
            && applied.Digest == reply.Digest
            && applied.Document.Root.HasContentOf(candidate.Root)
        )
            _digests = new KnownDigests(applied.Digest, ImmutableDictionary<string, string>.Empty, incoming);
        foreach (var note in outcome.Notes.Take(20))
            _events.Add(EventKind.Config, $"push from {request.Address}: {note}");
        if (isPush)
        {
            lock (_syncGate)
            {
                Remember(
                    _memory with
                    {
                        Received = incoming,
                        ReceivedAt = DateTimeOffset.UtcNow,
                        ReceivedFrom = request.Address,
                        Conflict = null,
                        AcceptNext = false,
                    }
                );
            }
        }
        return reply;
    }

    // Edited here since the last push: by a push that would undo that, nothing is merged; somebody has to choose.
    private string? Conflict(ConfigReceiveRequest request, IReadOnlyDictionary<string, string> incoming, ConfigSnapshot running)
    {
        var (_, held) = Digests(running);
        lock (_syncGate)
        {
            if (_memory.AcceptNext)
                return null;
            var states = SyncConflict.Decide(_memory.Received, incoming, held);
            // pfSense's users know that the secondary is overwritten; two edits of one area nobody may lose.
            var apart = states
                .Where(s => s.Value == AreaState.Conflict || (s.Value == AreaState.ChangedThere && request.Origin is not null))
                .Select(s => s.Key)
                .ToList();
            if (apart.Count == 0)
                return null;
            var since = _memory.ReceivedAt is { } at
                ? string.Create(CultureInfo.InvariantCulture, $" since {at:yyyy-MM-dd HH:mm:ss}Z")
                : "";
            var conflict =
                $"conflict in {string.Join(", ", apart)}: the secondary was edited{since}; 'config accept' on it takes the primary's, 'config rollback' undoes its own edit";
            Remember(_memory with { Conflict = conflict });
            return conflict;
        }
    }

    private ControlReply Accept()
    {
        lock (_syncGate)
            Remember(_memory with { AcceptNext = true, Conflict = null });
        _events.Add(EventKind.Config, "the next push is taken although this node was edited");
        return new ControlReply { Ok = true, Message = "the primary's next push is taken, whatever was edited here" };
    }

    private ControlOutcome Backup(ConfigBackupRequest request)
    {
        var output = new ArrayBufferWriter<byte>();
        var sections = SectionBackup.Of(Store.Running.Document, request.Sections, request.Redacted);
        return XmlRpcWriter.WriteResponse(output, sections) is { IsNone: false } refusal
            ? new ControlOutcome(ControlReply.Error($"the sections cannot be sent: {refusal}"))
            : new ControlOutcome(new ControlReply { Ok = true }, output.WrittenMemory);
    }

    private ControlReply Version(string version)
    {
        var running = Store.Running;
        return new ControlReply
        {
            Ok = true,
            Version = new Redoubt.Control.ConfigVersion(
                running.Document.Version,
                version,
                Environment.OSVersion.Version.ToString(),
                running.Configuration.Hostname,
                running.Configuration.Redoubt.NodeId.ToString(CultureInfo.InvariantCulture)
            ),
        };
    }

    // Who would push is told by the same rules that his push would meet: a ring must not look as if it were in sync.
    private ControlReply Digests(ConfigReceiveRequest? request)
    {
        if (request?.Origin is not null && Admit(request) is { } refused)
        {
            _events.Add(EventKind.Config, $"{request.Method} of {request.User} from {request.Address} was refused: {refused.Message}");
            return refused with { FaultCode = refused.FaultCode ?? XmlRpcFault.RefusedCode };
        }
        var (_, held) = Digests(Store.Running);
        return new ControlReply
        {
            Ok = true,
            Areas = [.. held.Select(a => new ConfigArea(a.Key, a.Value, IsApplied(a.Key) ? "applied" : "kept, not applied"))],
        };
    }
}
