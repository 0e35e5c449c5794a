using System.Text;
using Redoubt.Control;
using Redoubt.Daemon.Configuration;
using Redoubt.Daemon.Events;

namespace Redoubt.Tests.Store;

/// <summary>A store in a directory of its own, with an applier that notes what it is asked and refuses what it is told to refuse.</summary>
internal sealed class StoreBench : IDisposable
{
    public StoreBench(string? description = "old")
    {
        Directory.CreateDirectory(Folder);
        if (description is not null)
            File.WriteAllBytes(FilePath, Document(description));
        Alarms = new AlarmBoard(Events);
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "rs-" + Guid.NewGuid().ToString("N")[..12]);
    public string FilePath => Path.Combine(Folder, "config.xml");
    public string History => Path.Combine(Folder, "state", "config", "history");
    public string Pending => Path.Combine(Folder, "state", "config", "pending");
    public EventLog Events { get; } = new(null);
    public AlarmBoard Alarms { get; }
    public ManualTime Clock { get; } = new();
    public RecordingApplier First { get; } = new("first");
    public RecordingApplier Second { get; } = new("second");
    public byte[] OnDisk => File.ReadAllBytes(FilePath);

    public ConfigStore New() => new(FilePath, Path.Combine(Folder, "state"), [First, Second], Events, Alarms, Clock);

    /// <summary>A store that has started.</summary>
    public ConfigStore Open()
    {
        var store = New();
        Assert.True(store.TryOpen());
        store.Begin();
        return store;
    }

    public static byte[] Document(string description, string extra = "") =>
        Encoding.UTF8.GetBytes(
            $"""
            <?xml version="1.0"?>
            <pfsense>
            	<version>24.5</version>
            	<system><hostname>fw1</hostname></system>
            	<interfaces><lan><if>eth0</if><descr>{description}</descr><ipaddr>10.0.0.11</ipaddr><subnet>24</subnet></lan></interfaces>{extra}
            </pfsense>

            """
        );

    public static ConfigChangeOrigin By(string user, int confirm = 0, string? basedOn = null) => new(user, "a test", basedOn, confirm);

    public string Changes() => string.Join('|', Events.Snapshot().Select(e => e.Message));

    public void Dispose()
    {
        Events.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>Acts on the LAN's description.</summary>
internal sealed class RecordingApplier(string name) : IConfigApplier
{
    public string? Refuses { get; set; }
    public List<string> Applied { get; } = [];
    public string Name => name;
    public IReadOnlyList<string> Sections { get; } = ["interfaces"];

    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies) =>
        Of(next) == "invalid" ? [new ConfigProblem("error", 1, "interfaces/lan/descr", "refers to nothing")] : [];

    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next) =>
        current is not null && Of(current) == Of(next) ? [] : [$"{name} becomes {Of(next)}"];

    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        if (Of(next) == Refuses)
            return "the kernel says no";
        Applied.Add(Of(next));
        return null;
    }

    private static string Of(ConfigSnapshot snapshot) => snapshot.Configuration.Interfaces[0].Description;
}

/// <summary>Time that goes on when it is told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _now.Ticks;

    public void Pass(double seconds) => _now += TimeSpan.FromSeconds(seconds);
}
