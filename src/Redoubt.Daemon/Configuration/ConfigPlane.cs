using Redoubt.Control;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Daemon.Checks;
using Redoubt.Daemon.Control;
using Redoubt.Daemon.Events;
using Redoubt.Daemon.Roles;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Everything about the configuration in one piece: the store, what makes it true, who may log in, and a thread that takes back what was not confirmed and sets again
/// what went away. Offers itself to the control socket as <see cref="ConfigVerbs"/>.
/// </summary>
internal sealed partial class ConfigPlane : IDisposable
{
    private static readonly TimeSpan _lastHooks = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _repair = TimeSpan.FromSeconds(5);
    private readonly NodeApplier _node;
    private readonly StandingAddressApplier _addresses;
    private readonly StaticRouteApplier _routes;
    private readonly AccountApplier _accounts = new();
    private readonly CertificateApplier _certificates;
    private readonly HealthCheckApplier _checks;
    private readonly RoleWorker _worker;
    private readonly RoleApplier _roles;
    private readonly Authentication _authentication;
    private readonly EventLog _events;
    private readonly AlarmBoard _alarms;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile string _shown = ""; // SHA-256 of the certificate that redoubt-web shows

    public ConfigPlane(string file, string stateDirectory, Maintenance maintenance, EventLog events, AlarmBoard alarms)
    {
        (_events, _alarms) = (events, alarms);
        _memoryFile = Path.Combine(stateDirectory, "config", "sync");
        _memory = SyncMemory.Read(_memoryFile);
        _worker = new RoleWorker(stateDirectory, events, alarms);
        _roles = new RoleApplier(_worker, file);
        _node = new NodeApplier(stateDirectory, maintenance, events, alarms, _worker);
        _addresses = new StandingAddressApplier(alarms);
        _routes = new StaticRouteApplier(alarms);
        _certificates = new CertificateApplier(alarms);
        _checks = new HealthCheckApplier(
            (reason, amount) => _node.Current.PostDemotion(reason, amount),
            time => _node.Current.PostAbstention(time),
            events
        );
        _authentication = new Authentication(() => _accounts.Current, events);
        // What may be refused by the kernel comes first: then least has to be undone.
        Store = new ConfigStore(
            file,
            stateDirectory,
            [_node, _addresses, _routes, _accounts, _certificates, _checks, _roles],
            events,
            alarms
        );
        Store.Repaired += _node.Repaired;
        Store.Woken += () => _wake.Set();
        Store.Committed += OnCommitted;
        _thread = new Thread(Run) { Name = "configuration", IsBackground = true };
    }

    /// <summary>The store.</summary>
    public ConfigStore Store { get; }

    /// <summary>The virtual addresses that are in no election.</summary>
    public IReadOnlyList<AddressStatus> Addresses(IReadOnlyList<VipStatus> vips) =>
        AddressReport.Of(Store.Running.Configuration, vips, Node.ProxyAnswers);

    /// <summary>The health checks.</summary>
    public IReadOnlyList<CheckStatus> Checks => _checks.Status;

    /// <summary>The services that follow this node's roles.</summary>
    public IReadOnlyList<ServiceStatus> Services => _worker.Services;

    /// <summary>What became of hooks.</summary>
    public HookStatus Hooks => _worker.Hooks;

    /// <summary>The node that runs.</summary>
    public Node Node => _node.Current;

    /// <summary>Starts what the store has opened; throws where the kernel refuses it.</summary>
    public void Start()
    {
        _node.Start(Store.Running, Store.IsFallback);
        _accounts.Apply(null, Store.Running);
        _certificates.Apply(null, Store.Running);
        _checks.Apply(null, Store.Running);
        _roles.Apply(null, Store.Running);
        foreach (var applier in (IConfigApplier[])[_addresses, _routes]) // a route may lead over an address's network
        {
            if (applier.Apply(null, Store.Running) is { } error)
                _events.Add(EventKind.Config, $"{applier.Name}: {error}");
        }
        Store.Begin();
        _thread.Start();
    }

    /// <summary>Takes back what was not confirmed, hands over, and stops.</summary>
    public void Dispose()
    {
        if (_stopping)
            return;
        _stopping = true;
        _wake.Set();
        _pushes.Dispose();
        if (_thread.IsAlive)
            _thread.Join();
        Store.Dispose();
        _checks.Stop();
        _routes.Stop();
        _node.Dispose();
        _addresses.Stop();
        _worker.Stop(_lastHooks);
        _worker.Dispose();
        _authentication.Dispose();
        _wake.Dispose();
    }

    /// <summary>What the control socket may ask.</summary>
    public ConfigVerbs Verbs(string version) =>
        new()
        {
            Show = Show,
            Check = Store.Check,
            Diff = Diff,
            Apply = (document, r) => Store.Apply(document, new ConfigChangeOrigin(r.User, r.Reason, r.BasedOn, r.ConfirmSeconds)),
            ApplyForWeb = (document, r) =>
                Store.Apply(document, new ConfigChangeOrigin(r.User, r.Reason, r.BasedOn, r.ConfirmSeconds) { MayNamePrograms = false }),
            Confirm = Store.Confirm,
            History = Store.History,
            Rollback = r => Store.Rollback(r.Id, new ConfigChangeOrigin(r.User, $"back to entry {r.Id}", ConfirmSeconds: r.ConfirmSeconds)),
            Accept = Accept,
            Receive = Receive,
            Backup = Backup,
            Version = () => Version(version),
            Digests = Digests,
            Push = Push,
            PushPlan = PushPlan,
            PushResult = PushResult,
            Follow = Follow,
            Auth = _authentication.Check,
            User = User,
            Assign = Assign,
            WebCertificate = Certificate,
            ClusterInit = r => ClusterInit(r, version),
            ClusterJoin = r => ClusterJoin(r, version),
            ClusterShow = () => ClusterShow(version),
        };

    // The document is the certificate with its key; it goes only to who may change things, and only when he has another one.
    private ControlOutcome Certificate(string? known, string? shown)
    {
        if (shown is not null && ClusterToken.IsPin(shown))
            _shown = shown;
        if (_certificates.Current is not { } served)
            return new ControlOutcome(new ControlReply { Ok = true, Message = "none is configured" });
        var reply = new ControlReply
        {
            Ok = true,
            Digest = served.Pin,
            Message = served.Id,
        };
        return new ControlOutcome(reply, served.Pin == known ? null : served.Pem);
    }

    private void Run()
    {
        while (!_stopping)
        {
            var next = Store.Turn();
            if (PushTurn() is var push && push < _repair && (next == Timeout.InfiniteTimeSpan || push < next))
                next = push;
            _wake.WaitOne(next == Timeout.InfiniteTimeSpan || next > _repair ? _repair : next);
            if (_stopping)
                return;
            _addresses.Repair();
            _routes.Repair();
        }
    }

    private ControlOutcome Show(bool redacted)
    {
        var running = Store.Running;
        var waits = Store.ConfirmUntil is { } until ? $"waits for its confirmation until {until:HH:mm:ss}Z" : null;
        return new ControlOutcome(
            new ControlReply
            {
                Ok = true,
                Digest = running.Digest,
                Message = waits,
            },
            redacted ? ConfigRedaction.Of(running.Document).ToBytes() : running.Bytes
        );
    }

    private ControlReply Diff(byte[]? document, string? id)
    {
        var bytes = document ?? Store.Document(id!);
        if (bytes is null)
            return ControlReply.Error($"the history has no entry {id}, or it is damaged");
        if (!ConfigDocument.TryRead(bytes, out var other, out var refusal))
            return ControlReply.Error($"line {refusal!.Line}: {refusal.Message}");
        // From an old entry to what is in force; from what is in force to a document that may come.
        var (a, b) = document is null ? (other!, Store.Running.Document) : (Store.Running.Document, other!);
        var diff = ConfigDiff.Between(a, b, ControlLimits.Differences);
        return new ControlReply
        {
            Ok = true,
            Message = diff.IsEmpty ? "nothing differs" : $"{diff.Total} differences",
            Differences = [.. diff.Changes.Select(Told)],
        };
    }

    private ControlReply User(UserRequest request)
    {
        var by = request.By.Length > 0 ? request.By : "root";
        if (request.Action == "list")
            return new ControlReply { Ok = true, Users = [.. _accounts.Current.All.Take(ControlLimits.Differences).Select(Entry)] };
        if (request.Name is not { Length: > 0 } name)
            return ControlReply.Error("name: missing");
        var running = Store.Running;
        string? hash = null;
        var fault = "";
        if (request.Action is "add" or "passwd")
        {
            if (request.Password is null)
                return ControlReply.Error("password: missing");
            if ((hash = PasswordHash.Make(request.Password, out fault)) is null)
                return ControlReply.Error($"{fault} cannot be used");
        }
        var edited = request.Action switch
        {
            "add" => AccountEdit.Add(running.Document, name, request.Description ?? "", hash!, request.Grant, out fault),
            "passwd" => AccountEdit.SetHash(running.Document, name, hash!, out fault),
            "privilege" => AccountEdit.SetPrivileges(running.Document, name, request.Grant, request.Revoke, out fault),
            "delete" => AccountEdit.Delete(running.Document, name, out fault),
            _ => null,
        };
        return edited is null
            ? ControlReply.Error(fault.Length > 0 ? fault : "action: list, add, passwd, privilege or delete is expected")
            : Store.Apply(edited.ToBytes(), new ConfigChangeOrigin(by, $"user {request.Action} {name}", running.Digest));
    }

    private ControlReply Assign(InterfaceAssignRequest request)
    {
        if (!DeviceName.IsValid(request.Device))
            return ControlReply.Error($"device: \"{request.Device}\" is no name of a device");
        if (
            request.Name.Length > 32
            || !request.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c))
            || char.IsAsciiDigit(request.Name[0])
        )
            return ControlReply.Error("name: lan, wan or optN is expected");
        AddressPrefix prefix = default;
        if (request.Address is { } text && (!AddressPrefix.TryParse(text, out prefix) || !text.Contains('/', StringComparison.Ordinal)))
            return ControlReply.Error("address: address/length is expected");
        var running = Store.Running;
        var root = running.Document.Root.WithPath(
            $"interfaces/{request.Name}",
            node =>
            {
                node = (node ?? ConfigNode.Section(request.Name, ConfigNode.Leaf("enable"))).With(ConfigNode.Leaf("if", request.Device));
                if (request.Description is { } description)
                    node = node.With(ConfigNode.Leaf("descr", description));
                if (request.Address is null)
                    return node;
                var (address, length) = prefix.IsIPv6 ? ("ipaddrv6", "subnetv6") : ("ipaddr", "subnet");
                return node.With(ConfigNode.Leaf(address, prefix.AddressText))
                    .With(ConfigNode.Leaf(length, prefix.Length.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            }
        );
        var by = request.By.Length > 0 ? request.By : "root";
        return Store.Apply(
            running.Document.With(root).ToBytes(),
            new ConfigChangeOrigin(by, $"{request.Name} is {request.Device}", running.Digest)
        );
    }

    private static ConfigDifference Told(ConfigChange change) =>
        new(
            change.Path,
            change.Kind.ToString().ToLowerInvariant(),
            change.Old.Length == 0 ? null : change.Old,
            change.New.Length == 0 ? null : change.New
        );

    private static UserEntry Entry(Account account) =>
        new()
        {
            Name = account.Name,
            Uid = account.Uid,
            Description = account.Description,
            Disabled = account.IsDisabled,
            Privileges = [.. account.Privileges],
            Groups = account.Groups,
        };
}
