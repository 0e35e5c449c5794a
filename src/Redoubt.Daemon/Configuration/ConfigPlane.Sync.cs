using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Daemon.Control;

namespace Redoubt.Daemon.Configuration;

/// <summary>The synchronisation with other nodes, which this version does not do.</summary>
internal sealed partial class ConfigPlane
{
    private const string NotThere = "this version does not synchronise the configuration";

    /// <summary>This node's part.</summary>
    public ConfigSyncStatus SyncStatus() =>
        new()
        {
            Role = Store.Running.Configuration.HaSync.SynchronizeTo is null ? ConfigRole.None : ConfigRole.Primary,
            Digest = Store.Running.Digest,
            ConfirmUntil = Store.ConfirmUntil,
        };

    private TimeSpan PushTurn() => Timeout.InfiniteTimeSpan;

    private ControlReply Receive(ConfigReceiveRequest request, byte[] call) => ControlReply.Error(NotThere);

    private ControlOutcome Backup(ConfigBackupRequest request) => new(ControlReply.Error(NotThere));

    private ControlReply Version(string version) =>
        new()
        {
            Ok = true,
            Version = new ConfigVersion(
                Store.Running.Document.Version,
                version,
                Environment.OSVersion.Version.ToString(),
                Store.Running.Configuration.Hostname,
                Store.Running.Configuration.Redoubt.NodeId.ToString(System.Globalization.CultureInfo.InvariantCulture)
            ),
        };

    private ControlReply Digests() =>
        new()
        {
            Ok = true,
            Areas =
            [
                .. Store
                    .Running.Document.Root.Children.Select(c => c.Name)
                    .Distinct()
                    .Select(n => new ConfigArea(
                        n,
                        ConfigDigest.Of(Store.Running.Document.Root.All(n)),
                        IsApplied(n) ? "applied" : "kept, not applied"
                    )),
            ],
        };

    private bool IsApplied(string section) => Store.Appliers.Any(a => a.Sections.Contains(section));

    private ControlReply Push(ConfigPushRequest request) => ControlReply.Error(NotThere);

    private ControlOutcome PushPlan(ConfigPushPlanRequest request) => new(ControlReply.Error(NotThere));

    private ControlReply PushResult(ConfigPushResult result) => ControlReply.Error(NotThere);

    private PushSubscription? Follow() => null;
}
