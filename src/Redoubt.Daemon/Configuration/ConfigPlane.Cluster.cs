using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Cluster;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Making a cluster and joining one. A secret gets a file of its own before the configuration names it, so that a configuration that is taken back finds the
/// one that it named.
/// </summary>
internal sealed partial class ConfigPlane
{
    private ControlReply ClusterInit(ClusterInitRequest request, string version)
    {
        var running = Store.Running;
        var settings = running.Configuration.Redoubt;
        List<AddressPrefix> addresses = [];
        foreach (var text in request.Addresses)
        {
            if (!AddressPrefix.TryParse(text, out var address) || text.Contains('/', StringComparison.Ordinal))
                return ControlReply.Error($"\"{text}\" is no address");
            addresses.Add(address);
        }
        if (addresses.Count is 0 or > 2 || addresses.Distinct().Count() != addresses.Count)
            return ControlReply.Error("one address of the other node is expected for each sync link, at most two");
        if (request.Name is { } name && (name.Length > 63 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')))
            return ControlReply.Error($"\"{name}\" is no host name: letters, digits and - . _");
        var links = request.SyncLinks.Count > 0 ? [.. request.SyncLinks] : settings.SyncLinks;
        if (links.Length != addresses.Count)
            return ControlReply.Error(
                links.IsEmpty
                    ? "which interface is the sync link? --synclink NAME, lan, wan or optN"
                    : $"the sync links are {string.Join(" and ", links)}: one address of the other node is expected for each of them, in this order"
            );
        var self = Self(running, links, addresses, settings, out var fault);
        if (self is null)
            return ControlReply.Error(fault);
        if (addresses.Select(a => a.AddressText).Intersect(self.Addresses).Any())
            return ControlReply.Error("that is this node's own address; the other node's is expected");
        var members = Members(settings, self);
        var known = members.FirstOrDefault(m => m.Addresses.Intersect(addresses.Select(a => a.AddressText)).Any());
        var id = known?.Id ?? Enumerable.Range(1, ConfigurationLimits.Nodes).FirstOrDefault(i => members.All(m => m.Id != i));
        if (id == 0)
            return ControlReply.Error($"the cluster has {ConfigurationLimits.Nodes} nodes already");
        var invited = new ClusterMember(id, request.Name ?? KnownName(known), [.. addresses.Select(a => a.AddressText)]);
        members.RemoveAll(m => m.Id == id);

        var secret = running.Secret ?? new ClusterSecret(RandomNumberGenerator.GetBytes(ClusterSecret.Length));
        var file = running.Secret is null ? SecretName(secret) : settings.SecretFile!;
        var document = ClusterEdit.Enter(running.Document, self.Id, file, links, members.Where(m => m.Id != self.Id).Append(invited));
        var reply = Enter(
            running,
            document.ToBytes(),
            running.Secret is null ? (file, secret) : null,
            request.By,
            $"invite {ClusterAdmission.Called(invited)} to the cluster"
        );
        if (reply.Ok != true)
            return reply;
        var token = new ClusterToken
        {
            Secret = secret,
            Created = DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
            Version = version,
            Pin = OwnPin,
            Members = [self, .. members.Where(m => m.Id != self.Id)],
            Invited = invited,
            SyncLinks = links,
            Interfaces = [.. running.Configuration.Interfaces.Select(i => i.Name)],
        };
        return reply with
        {
            Token = token.Write(),
            Message = $"node {id} at {string.Join(" and ", invited.Addresses)} may join within {ClusterAdmission.Lifetime / 60} minutes",
        };
    }

    private ControlReply ClusterJoin(ClusterJoinRequest request, string version)
    {
        var running = Store.Running;
        var token = ClusterToken.TryRead(request.Token, running.Secret, out var refusal);
        if (token is null)
            return ControlReply.Error(
                refusal switch
                {
                    ClusterTokenRefusal.NotAToken => "this is no token: it begins with redoubt-join- or redoubt-answer-",
                    ClusterTokenRefusal.Malformed => "the token is of a version that is not understood here",
                    _ when running.Secret is null => "the token is cut short or mistyped, or this node is in no cluster yet",
                    _ => "the token is cut short, mistyped, or of another cluster",
                }
            );
        var facts = new ClusterFacts
        {
            Name = running.Configuration.Hostname,
            Id = ConfiguredId(running),
            Interfaces = [.. running.Configuration.Interfaces.Select(i => i.Name)],
            Addresses =
            [
                .. running.Configuration.Interfaces.SelectMany(i =>
                    new[] { i.IPv4, i.IPv6 }.OfType<AddressPrefix>().Select(a => (i.Name, a.AddressText))
                ),
            ],
            Version = version,
            Secret = running.Secret,
            Now = DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
        };
        var faults = ClusterAdmission.Check(token, facts, request.Force, out var warnings);
        if (faults.Count > 0)
            return ControlReply.Error($"refused: {string.Join("; ", faults)}") with { Problems = Told(faults, warnings) };
        var reply = token.IsAnswer ? TakeAnswer(running, token, request.By) : TakeInvitation(running, token, request.By, version);
        return reply.Ok == true ? reply with { Problems = Told([], warnings) } : reply;
    }

    private ControlReply TakeInvitation(ConfigSnapshot running, ClusterToken token, string by, string version)
    {
        var isMember = running.Secret?.Fingerprint == token.Secret.Fingerprint;
        var file = isMember ? running.Configuration.Redoubt.SecretFile! : SecretName(token.Secret);
        var document = ClusterEdit.Enter(running.Document, token.Invited.Id, file, token.SyncLinks, token.Members);
        var inviter = ClusterAdmission.Called(token.Maker);
        var reply = Enter(
            running,
            ClusterEdit.Pin(document, PinFor(running, token)).ToBytes(),
            isMember ? null : (file, token.Secret),
            by,
            $"join the cluster of {inviter}"
        );
        if (reply.Ok != true)
            return reply;
        var answer = token with
        {
            IsAnswer = true,
            Created = DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
            Version = version,
            Pin = OwnPin,
            Invited = token.Invited with { Name = running.Configuration.Hostname },
            Interfaces = [.. running.Configuration.Interfaces.Select(i => i.Name)],
        };
        return reply with { Token = answer.Write(), Message = $"joined the cluster of {inviter} as node {token.Invited.Id}" };
    }

    private ControlReply TakeAnswer(ConfigSnapshot running, ClusterToken token, string by)
    {
        var document = ClusterEdit.EnterPeer(running.Document, token.Invited);
        var pin = PinFor(running, token);
        var name = ClusterAdmission.Called(token.Invited);
        var reply = Enter(running, ClusterEdit.Pin(document, pin).ToBytes(), null, by, $"{name} joined the cluster");
        return reply.Ok != true
            ? reply
            : reply with
            {
                Message =
                    pin.Length > 0 ? $"node {token.Invited.Id} is {name}; its certificate is pinned" : $"node {token.Invited.Id} is {name}",
            };
    }

    private ControlReply ClusterShow(string version)
    {
        var running = Store.Running;
        var settings = running.Configuration.Redoubt;
        var heard = Node.Cluster();
        return new ControlReply
        {
            Ok = true,
            Cluster = new ClusterDescription
            {
                Node = heard?.Node ?? settings.NodeId,
                Name = running.Configuration.Hostname,
                Version = version,
                Secret = running.Secret?.Fingerprint,
                SyncLinks = settings.SyncLinks,
                Certificate = OwnPin is { Length: > 0 } own ? own : null,
                Pinned = running.Document.Root.Find("redoubt/configsync/pin")?.Text.Trim() is { Length: > 0 } pin ? pin : null,
                Peers =
                [
                    .. settings.Peers.Select(p => new ClusterMemberDescription(
                        p.Id,
                        p.Name,
                        [.. p.Addresses.Select(a => a.AddressText)],
                        heard?.Peers.FirstOrDefault(h => h.Node == p.Id)
                    )),
                ],
            },
        };
    }

    // The file first: a configuration that names it must find it. One that was made for a change that is refused goes with it; one that was there before, an entry
    // of the history may name.
    private ControlReply Enter(ConfigSnapshot running, byte[] document, (string Name, ClusterSecret Secret)? file, string by, string reason)
    {
        var path = file is { } made ? SecretFile.PathOf(Store.FilePath, made.Name) : null;
        var isNew = path is not null && !File.Exists(path);
        if (path is not null)
        {
            try
            {
                AtomicFile.Write(path, Encoding.ASCII.GetBytes(file!.Value.Secret.Reveal() + "\n"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return ControlReply.Error($"the secret cannot be kept: {e.Message}");
            }
        }
        var reply = Store.Apply(document, new ConfigChangeOrigin(by.Length > 0 ? by : "root", reason, running.Digest));
        if (reply.Ok == true || !isNew)
            return reply;
        try
        {
            AtomicFile.Delete(path!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _events.Add(EventKind.Config, $"{path} is of no use and cannot be removed: {e.Message}");
        }
        return reply;
    }

    // This node as the others know it: its id, and its address on each sync link in the network of the invited node's.
    private static ClusterMember? Self(
        ConfigSnapshot running,
        ImmutableArray<string> links,
        List<AddressPrefix> peers,
        RedoubtSettings settings,
        out string fault
    )
    {
        var own = ImmutableArray.CreateBuilder<string>();
        fault = "";
        foreach (var (link, peer) in links.Zip(peers))
        {
            if (running.Configuration.Interface(link) is not { } configured)
                fault = $"there is no interface {link}";
            else if ((peer.IsIPv6 ? configured.IPv6 : configured.IPv4) is not { } address || !address.Network.Contains(peer))
                fault = $"{link} has no address in the network of {peer.AddressText} (redoubt interfaces assign sets it)";
            else
                own.Add(address.AddressText);
            if (fault.Length > 0)
                return null;
        }
        // Without a list of peers the id was a guess from addresses; it stays what it was, so that states keep their owner.
        return new ClusterMember(settings.NodeId > 0 ? settings.NodeId : 1, running.Configuration.Hostname, own.ToImmutable());
    }

    private static List<ClusterMember> Members(RedoubtSettings settings, ClusterMember self) =>
        [
            self,
            .. settings
                .Peers.Where(p => p.Id > 0 && p.Id != self.Id && p.Addresses.Length > 0)
                .Select(p => new ClusterMember(
                    p.Id,
                    p.Name == p.Addresses[0].AddressText ? "" : p.Name,
                    [.. p.Addresses.Select(a => a.AddressText)]
                )),
        ];

    private static string KnownName(ClusterMember? known) => known?.Name ?? "";

    // The one peer that is pushed to is pinned; with more nodes than two, the one whose address is meant.
    private static string PinFor(ConfigSnapshot running, ClusterToken token) =>
        running.Configuration.HaSync.SynchronizeTo is not { } target || token.Maker.Addresses.Contains(target.AddressText) ? token.Pin : "";

    private static int ConfiguredId(ConfigSnapshot running) =>
        int.TryParse(
            running.Document.Root.Find("redoubt/node/id")?.Text.Trim(),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var id
        )
            ? id
            : 0;

    private string OwnPin => _shown.Length > 0 ? _shown : _certificates.Current?.Pin ?? "";

    // By its fingerprint: the former secret's file stays for a configuration that comes back.
    private static string SecretName(ClusterSecret secret) => $"cluster-{secret.Fingerprint}.key";

    private static List<ConfigProblem> Told(IEnumerable<string> faults, IEnumerable<string> warnings) =>
        [.. faults.Select(f => new ConfigProblem("error", 0, "", f)), .. warnings.Select(w => new ConfigProblem("warning", 0, "", w))];
}
