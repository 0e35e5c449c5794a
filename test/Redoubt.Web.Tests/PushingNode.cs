using System.Buffers;
using System.Net;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Push;

namespace Redoubt.Web.Tests;

/// <summary>This node, pushing: the real loop against a fake daemon that wants what the test says.</summary>
internal sealed class PushingNode : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-web-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private readonly LogLines _log = new();
    private readonly System.Security.Cryptography.X509Certificates.X509Certificate2 _certificate;
    private readonly PushLoop _loop;
    private readonly Task _running;

    public PushingNode(Uri peer, string? pin, string configVersion = "24.5", string password = "ha sync+p@ss/1")
    {
        Daemon = new FakeDaemon(_directory);
        _certificate = NodeCertificate.LoadOrMake(_directory, "fw-a", DateTimeOffset.UtcNow);
        var output = new ArrayBufferWriter<byte>();
        XmlRpcWriter.WriteCall(output, "pfsense.restore_config_section", Pushed, new XmlRpcInt(900));
        var call = output.WrittenSpan.ToArray();
        output.ResetWrittenCount();
        XmlRpcWriter.WriteCall(output, ChangesMethod, Changes);
        var changes = output.WrittenSpan.ToArray();
        Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigPushPlan
                    ? (
                        new ControlReply
                        {
                            Ok = true,
                            Plan = new PushPlan
                            {
                                Id = request.Line.PushPlan!.Id,
                                Scheme = peer.Scheme,
                                Host = peer.Host,
                                Port = peer.Port,
                                User = "hasync",
                                Password = password,
                                Pin = pin,
                                ConfigVersion = configVersion,
                                Areas = HasAll(request) ? [] : ["aliases"],
                                Method = KnowsPeer && !request.Line.PushPlan.Whole ? ChangesMethod : "pfsense.restore_config_section",
                                Digests = new Dictionary<string, string> { ["aliases"] = "11ee" },
                                Origin = "1",
                                Path = ["3", "1"],
                                Generation = 42,
                            },
                        },
                        HasAll(request) || request.Line.PushPlan.Brief ? null
                        : KnowsPeer && !request.Line.PushPlan.Whole ? changes
                        : call
                    )
                    : null
            );
        _loop = new PushLoop(new NodeDaemon(Daemon.SocketPath, new WebLimits()), _certificate, new LineLogging(_log).CreateLogger(""))
        {
            RetryPause = TimeSpan.FromMilliseconds(1),
        };
        _running = _loop.RunAsync(_stop.Token);
    }

    public static XmlRpcStruct Pushed { get; } =
        Sample.Struct(
            (
                "aliases",
                Sample.Struct(
                    ("alias", new XmlRpcArray([Sample.Struct(("name", Sample.Text("Web")), ("address", Sample.Text("192.0.2.1")))]))
                )
            )
        );

    public const string ChangesMethod = "redoubt.restore_config_changes";

    public static XmlRpcStruct Changes { get; } = Sample.Struct(("sections", Sample.Struct()), ("areas", Sample.Struct()));

    /// <summary>The daemon knows what the peer holds, and sends changes of it.</summary>
    public bool KnowsPeer { get; init; }

    public FakeDaemon Daemon { get; }

    private static bool HasAll(DaemonRequest request) => request.Line.PushPlan!.Held?["aliases"] == "11ee";

    public IReadOnlyList<string> Log => _log.All;

    /// <summary>Wants a push and waits for its outcome.</summary>
    public async Task<ConfigPushResult> PushAsync(long id = 1, bool dryRun = false)
    {
        Daemon.Want(id, dryRun);
        return await Daemon.ResultAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _loop.Dispose();
        await Daemon.DisposeAsync();
        _certificate.Dispose();
        _stop.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
