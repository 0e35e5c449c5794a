using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;
using Redoubt.Daemon.Control;

namespace Redoubt.Daemon.Configuration;

/// <summary>The sender's side: what is pushed, when, and what is known about the peer.</summary>
internal sealed partial class ConfigPlane
{
    private const int HttpsPort = 443;
    private const string RestoreMethod = "pfsense.restore_config_section";
    private const string ChangesMethod = "redoubt.restore_config_changes";
    private static readonly TimeSpan _pushLimit = TimeSpan.FromSeconds(120);

    // The time limit that pfSense's client sends along; receivers ignore it.
    private static readonly XmlRpcInt _timeParameter = new(900);
    private readonly Lock _syncGate = new();
    private readonly Lock _digestGate = new();
    private readonly PushQueue _pushes = new(TimeProvider.System);
    private readonly string _memoryFile;
    private volatile SyncMemory _memory;
    private volatile KnownDigests? _digests;
    private volatile ReadBack? _readBack;

    private sealed record KnownDigests(string Digest, IReadOnlyDictionary<string, string> Sent, IReadOnlyDictionary<string, string> Held);

    /// <summary>What the peer was last read to have, and what of it was sent.</summary>
    private sealed record ReadBack(ConfigDocument Document, IReadOnlyDictionary<string, string> Sent);

    private long _scheduled = TimeProvider.System.GetTimestamp();

    /// <summary>This node's part.</summary>
    public ConfigSyncStatus SyncStatus()
    {
        var running = Store.Running;
        var target = running.Configuration.HaSync.SynchronizeTo;
        var (sent, held) = Digests(running);
        // Without the lock: who holds it may wait for the disk.
        var memory = _memory;
        var digests = target is null ? held : sent;
        return new ConfigSyncStatus
        {
            Role =
                target is not null ? ConfigRole.Primary
                : memory.ReceivedAt is not null ? ConfigRole.Secondary
                : ConfigRole.None,
            Digest = digests.Count == 0 ? running.Digest : DigestOf(digests),
            Peers = target is { } peer ? [PeerStatus(peer.AddressText, sent, memory)] : [],
            Conflict = memory.Conflict,
            ConfirmUntil = Store.ConfirmUntil,
            LastReceived = memory.ReceivedAt,
            KeptNotApplied = [.. digests.Keys.Where(a => !IsApplied(a))],
        };
    }

    private static ConfigPeerStatus PeerStatus(string address, IReadOnlyDictionary<string, string> sent, SyncMemory memory)
    {
        var isKnown = memory.Peer == address;
        var theirs = isKnown ? memory.PeerDigests : null;
        var differing = sent.Where(s => theirs?.GetValueOrDefault(s.Key) != s.Value).Select(s => s.Key).ToList();
        return new ConfigPeerStatus
        {
            Address = address,
            InSync = theirs is not null && differing.Count == 0,
            LastPush = isKnown ? memory.LastPush : null,
            Error = isKnown ? memory.Error : null,
            LastVerified = isKnown ? memory.LastVerified : null,
            DriftSince = theirs is not null && differing.Count == 0 ? null : memory.DriftSince,
            Differing = theirs is null ? null : differing,
        };
    }

    // What is sent and what is held, worked out once for each document.
    private (IReadOnlyDictionary<string, string> Sent, IReadOnlyDictionary<string, string> Held) Digests(ConfigSnapshot running)
    {
        if (_digests is { } known && known.Digest == running.Digest)
            return (known.Sent, known.Held);
        lock (_digestGate)
            return DigestsOnce(running);
    }

    private (IReadOnlyDictionary<string, string> Sent, IReadOnlyDictionary<string, string> Held) DigestsOnce(ConfigSnapshot running)
    {
        // Who asked at the same time has done it.
        if (_digests is { } known && known.Digest == running.Digest)
            return (known.Sent, known.Held);
        var sent = running.Configuration.HaSync.SynchronizeTo is null
            ? new Dictionary<string, string>()
            : (IReadOnlyDictionary<string, string>)AreaDigests.Of(running.Document, SyncArea.Of(running.Document));
        var held = AreaDigests.Held(running.Document);
        _digests = new KnownDigests(running.Digest, sent, held);
        return (sent, held);
    }

    private static string DigestOf(IReadOnlyDictionary<string, string> areas) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.UTF8.GetBytes(string.Concat(areas.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={a.Value}\n")))
            )
        );

    private bool IsApplied(string area) =>
        SyncArea.All.First(a => a.Name == area).Sections.Any(s => Store.Appliers.Any(a => a.Sections.Contains(s.Split('/')[0])));

    private void OnCommitted(ConfigChangeOrigin origin, ConfigSnapshot snapshot)
    {
        if (snapshot.Configuration.HaSync.SynchronizeTo is null)
            return;
        lock (_syncGate)
        {
            if (!_isReceiving)
                Remember(_memory with { Origin = null, Path = null });
            if (_memory.DriftSince is null)
                Remember(_memory with { DriftSince = DateTimeOffset.UtcNow });
        }
        if (Mode(snapshot) != "save")
            return;
        _pushes.Want($"saved by {origin.User}");
        _wake.Set();
        // The push asks for them as soon as it has read the peer's.
        _ = Task.Run(() => Digests(snapshot));
    }

    private static string Mode(ConfigSnapshot snapshot)
    {
        var mode = snapshot.Document.Root.Find("redoubt/configsync/when")?.Text.Trim();
        return mode is "scheduled" or "manual" ? mode : "save";
    }

    private TimeSpan PushTurn()
    {
        var running = Store.Running;
        if (running.Configuration.HaSync.SynchronizeTo is not null && Mode(running) == "scheduled")
        {
            _ = int.TryParse(
                running.Document.Root.Find("redoubt/configsync/schedule")?.Text.Trim(),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var minutes
            );
            if (TimeProvider.System.GetElapsedTime(_scheduled) >= TimeSpan.FromMinutes(Math.Clamp(minutes, 1, 10_080)))
            {
                _scheduled = TimeProvider.System.GetTimestamp();
                _pushes.Want("scheduled");
            }
        }
        return _pushes.Turn();
    }

    private ControlReply Push(ConfigPushRequest request)
    {
        if (Store.Running.Configuration.HaSync.SynchronizeTo is null)
            return ControlReply.Error("this node pushes to nobody: hasync/synchronizetoip is empty");
        if (request.Areas.FirstOrDefault(a => !SyncArea.TryParse(a, out _)) is { } unknown)
            return ControlReply.Error($"there is no area {unknown}; there are {string.Join(", ", SyncArea.All.Select(a => a.Name))}");
        if (_pushes.Ask(request, _pushLimit, out var why) is not { } result)
            return ControlReply.Error(why);
        if (!result.Ok)
            return ControlReply.Error(result.Error ?? "the push failed without a reason") with { Pushed = result };
        var what = request.DryRun
            ? (result.Differences.Count == 0 ? "nothing would change on the peer" : $"{result.Differences.Count} differences")
            : result.Error
                ?? (
                    result.Areas.Count == 0
                        ? $"{result.Peer} was read and has all of it; nothing was sent"
                        : $"pushed to {result.Peer}: {string.Join(", ", result.Areas)}; read back and equal"
                );
        return new ControlReply
        {
            Ok = true,
            Message = what,
            Pushed = result,
        };
    }

    private ControlOutcome PushPlan(ConfigPushPlanRequest request)
    {
        static ControlOutcome No(string why) => new(ControlReply.Error(why));
        var running = Store.Running;
        if (running.Configuration.HaSync.SynchronizeTo is not { } target)
            return No("this node pushes to nobody: hasync/synchronizetoip is empty");
        if (Store.ConfirmUntil is not null)
            return No("a change waits for its confirmation; it is pushed after that");
        if (running.Document.Version.Length == 0)
            return No("the configuration has no version; peers compare it before they take anything");
        var areas = request.Areas.Count == 0 ? SyncArea.Of(running.Document) : SyncAreas.None;
        foreach (var name in request.Areas)
        {
            if (!SyncArea.TryParse(name, out var area))
                return No($"there is no area {name}");
            areas |= area;
        }
        ImmutableArray<AreaChange> changes = [];
        if (request.Held is { } held)
        {
            var wanted = areas == SyncArea.Of(running.Document) ? Digests(running).Sent : AreaDigests.Of(running.Document, areas);
            if (wanted.Count > 0 && wanted.All(w => held.GetValueOrDefault(w.Key) == w.Value))
                areas = SyncAreas.None;
            else
                areas = SyncArea.ToSend(areas, wanted, held);
            if (!request.Whole && _readBack is { } before)
                changes = PushChanges.Between(areas, (before.Document, before.Sent), (running.Document, wanted), held);
        }
        var whole = changes.Aggregate(areas, (left, change) => left & ~SyncArea.All.First(a => a.Name == change.Area).Area);
        ArrayBufferWriter<byte>? output = null;
        PushBody? body = null;
        if (!request.Brief && (areas != SyncAreas.None || request.Held is null))
        {
            body = PushBody.Build(running.Document, whole);
            if (body.IsEmpty && changes.IsEmpty)
                return No("no area of the configuration is switched on in hasync");
            // Each text gets its tags around it: about twice the document, and growing would double megabytes over and over.
            output = new ArrayBufferWriter<byte>(
                changes.IsEmpty ? Math.Max(4096, Math.Min(running.Bytes.Length * 2, PassedDocument.MaxLength)) : 4096
            );
            var refusal = changes.IsEmpty
                ? XmlRpcWriter.WriteCall(output, RestoreMethod, body.Value, _timeParameter)
                : XmlRpcWriter.WriteCall(output, ChangesMethod, new PushChanges(changes, body.Value).ToValue());
            if (!refusal.IsNone)
                return No($"the configuration cannot be sent: {refusal}");
        }
        var node = running.Configuration.Redoubt.NodeId is > 0 and var id ? id : 1;
        SyncMemory memory;
        lock (_syncGate)
        {
            if (body is not null)
                Remember(_memory with { Generation = _memory.Generation + 1 });
            memory = _memory;
        }
        _ = SyncPath.TryParse(memory.Origin, memory.Path, out var path);
        path = path.Through(node);
        var hasync = running.Configuration.HaSync;
        return new ControlOutcome(
            new ControlReply
            {
                Ok = true,
                Plan = new PushPlan
                {
                    Id = request.Id,
                    Scheme = "https",
                    Host = target.AddressText,
                    Port = Port(running),
                    User = hasync.Username,
                    Password = hasync.Password.Text,
                    Pin = running.Document.Root.Find("redoubt/configsync/pin")?.Text.Trim() is { Length: > 0 } pin ? pin : null,
                    ConfigVersion = running.Document.Version,
                    Areas = [.. SyncArea.NamesOf(areas)],
                    Method = changes.IsEmpty ? RestoreMethod : ChangesMethod,
                    // A peer that tells its digests is compared when they were read back; only another one needs ours on the way.
                    Digests = body is null || request.Held is not null ? ImmutableDictionary<string, string>.Empty : AreaDigests.Of(body),
                    Origin = path.Origin.ToString(CultureInfo.InvariantCulture),
                    Path = [.. path.Hops.Select(h => h.ToString(CultureInfo.InvariantCulture))],
                    Generation = memory.Generation,
                },
            },
            output?.WrittenMemory
        );
    }

    // As at pfSense, both nodes serve on the same port.
    private static int Port(ConfigSnapshot running) =>
        int.TryParse(
            running.Document.Root.Find("system/webgui/port")?.Text.Trim(),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var port
        ) && port is > 0 and <= ushort.MaxValue
            ? port
            : HttpsPort;

    private ControlReply PushResult(ConfigPushResult result)
    {
        var dryRun = result.Differences.Count > 0 || (result.Ok && result.PeerDigests is null && result.Error is null);
        if (!dryRun)
        {
            var running = Store.Running;
            var (sent, _) = Digests(running);
            lock (_syncGate)
            {
                var now = DateTimeOffset.UtcNow;
                var known =
                    _memory.Peer == result.Peer ? _memory : _memory with { PeerDigests = null, LastPush = null, LastVerified = null };
                // A push of some areas says nothing about the others.
                var theirs = result.PeerDigests is null ? known.PeerDigests : Over(known.PeerDigests, result.PeerDigests);
                var isInSync = result.Ok && theirs is not null && sent.All(s => theirs.GetValueOrDefault(s.Key) == s.Value);
                if (isInSync)
                    _readBack = new ReadBack(running.Document, sent);
                Remember(
                    known with
                    {
                        Peer = IPAddress.TryParse(result.Peer, out _) ? result.Peer : known.Peer,
                        PeerDigests = theirs,
                        LastPush = result.Ok ? now : known.LastPush,
                        LastVerified = result.PeerDigests is null ? known.LastVerified : now,
                        Error = result.Error is { Length: > 500 } error ? error[..500] : result.Error,
                        DriftSince = isInSync ? null : known.DriftSince ?? now,
                    }
                );
            }
            _events.Add(
                EventKind.Config,
                result is { Ok: true, Areas.Count: 0 } ? $"{result.Peer} was read and has all of it; nothing was sent"
                    : result.Ok
                        ? $"pushed to {result.Peer} in {result.Seconds:F1} s: {string.Join(", ", result.Areas)}{(result.Error is { } but ? $"; {but}" : "")}"
                    : $"push to {result.Peer} failed: {result.Error}"
            );
        }
        _pushes.Ended(result);
        _wake.Set();
        return new ControlReply { Ok = true };
    }

    private static Dictionary<string, string> Over(IReadOnlyDictionary<string, string>? before, IReadOnlyDictionary<string, string> now)
    {
        var all = new Dictionary<string, string>(before ?? new Dictionary<string, string>());
        foreach (var (area, digest) in now)
            all[area] = digest;
        return all;
    }

    private PushSubscription? Follow()
    {
        var subscription = _pushes.Attach();
        if (subscription is null)
            return null;
        var running = Store.Running;
        // What was changed while nobody was there to push it.
        if (running.Configuration.HaSync.SynchronizeTo is { } target && Mode(running) == "save")
        {
            var (sent, _) = Digests(running);
            bool inSync;
            lock (_syncGate)
                inSync = PeerStatus(target.AddressText, sent, _memory).InSync;
            if (!inSync)
                _pushes.Want("catching up");
        }
        _wake.Set();
        return subscription;
    }

    // Under the lock. What cannot be kept over a restart is kept as long as this process lives.
    private void Remember(SyncMemory memory)
    {
        _memory = memory;
        try
        {
            memory.Write(_memoryFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _alarms.Raise("configuration-disk", $"the state directory cannot be written: {e.Message}");
        }
    }
}
