using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using Redoubt.Control;
using Redoubt.Daemon.Configuration;
using Redoubt.Daemon.Control;
using Redoubt.Daemon.Events;
using Redoubt.Daemon.Systemd;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon;

/// <summary>
/// The command redoubtd: reads its arguments and configuration, runs a <see cref="Node"/>, and serves the control socket until a
/// signal ends it. Exit 0 after a clean stop, 1 where the kernel or the host refuses, 2 on a bad configuration or bad arguments.
/// </summary>
internal static class DaemonCommand
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int BadConfiguration = 2;
    private const string WebUser = "redoubt-web";
    private const string Usage = "usage: redoubtd --config FILE [--state DIR] [--control SOCKET]";

    public static int Run(string[] args)
    {
        if (!TryReadArguments(args, out var config, out var state, out var control))
        {
            Console.Error.WriteLine(Usage);
            return BadConfiguration;
        }
        try
        {
            Directory.CreateDirectory(state);
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(control))!);
            return Serve(config, state, control);
        }
        catch (Exception e) when (e is KernelException or IOException or UnauthorizedAccessException or SocketException)
        {
            Console.Error.WriteLine($"redoubtd: {e.Message}");
            return Failed;
        }
    }

    private static int Serve(string file, string state, string control)
    {
        using var events = new EventLog(state);
        var alarms = new AlarmBoard(events);
        var maintenance = new Maintenance(state);
        using var plane = new ConfigPlane(file, state, maintenance, events, alarms);
        var store = plane.Store;
        var isWhole = store.TryOpen();
        foreach (var problem in store.StartProblems)
            Console.Error.WriteLine(problem);
        if (!isWhole)
            return BadConfiguration;
        var printer = PrintEvents(events);
        using var signals = new SignalQueue();
        maintenance.Configure(store.Running.Configuration.MaintenanceMode);
        plane.Start();
        using var server = new ControlServer(control, Verbs(plane, alarms), events, new ServerLimits { WebUser = UserId.Find(WebUser) });
        server.Start();
        events.Add(EventKind.Start, $"redoubtd {Version} started as {store.Running.Configuration.Hostname}");
        foreach (var tag in store.Running.NotInForce())
            events.Add(EventKind.Config, $"<redoubt>: {tag} has no effect");
        SystemdNotification.Tell("READY=1");
        using var watchdog = StartWatchdog(plane, alarms);
        Precompilation.Begin();
        while (signals.Take() == PosixSignal.SIGHUP)
            store.Reload();
        SystemdNotification.Tell("STOPPING=1");
        watchdog?.Dispose();
        plane.Dispose();
        events.Add(EventKind.Stop, "redoubtd stopped");
        server.Stop();
        events.Dispose();
        printer.Join(TimeSpan.FromSeconds(1));
        return Done;
    }

    private static Watchdog? StartWatchdog(ConfigPlane plane, AlarmBoard alarms)
    {
        if (SystemdNotification.WatchdogInterval is not { } interval)
            return null;
        var watchdog = new Watchdog(interval, () => plane.Node.Pulse, () => plane.Node.Wake(), SystemdNotification.Tell, alarms);
        watchdog.Start();
        return watchdog;
    }

    private static ControlVerbs Verbs(ConfigPlane plane, AlarmBoard alarms) =>
        new()
        {
            Status = () => Status(plane, alarms),
            Doctor = () => plane.Node.Examine(Status(plane, alarms)),
            CarpEnable = on => plane.Node.Enable(on),
            CarpDemote = (amount, reason) => plane.Node.Demote(amount, reason),
            CarpUndemote = reason => plane.Node.Undemote(reason),
            CarpState = (vhid, name, state) => plane.Node.SetState(vhid, name, state),
            Maintenance = on => plane.Node.SetMaintenance(on),
            Failover = (back, force) => plane.Node.Failover(back, force),
            StatesCount = () => plane.Node.CountStates(),
            StatesList = Node.ListStates,
            RulesList = () => plane.Node.Rules(),
            StatesSync = () => plane.Node.SyncStates(),
            Config = plane.Verbs(Version),
        };

    private static NodeStatus Status(ConfigPlane plane, AlarmBoard alarms)
    {
        var node = plane.Node;
        var carp = node.CarpStatus();
        var stateSync = node.StateSyncStatus();
        var configSync = plane.SyncStatus();
        var cluster = node.Cluster();
        List<string> reasons = [.. alarms.Reasons];
        reasons.AddRange(carp.Demotions.Select(d => $"demoted by {d.Amount}: {d.Reason}"));
        if (!carp.Enabled)
            reasons.Add("CARP is off");
        foreach (var peer in cluster?.Peers ?? [])
        {
            if (!peer.Alive)
                reasons.Add($"{peer.Name} is heard on no path");
        }
        foreach (var peer in stateSync.Peers)
        {
            if (!peer.Alive)
                reasons.Add($"state sync: peer {peer.Address} is silent");
            else if (!peer.InSync)
                reasons.Add($"state sync: peer {peer.Address} is not in sync ({peer.Bulk})");
        }
        foreach (var peer in configSync.Peers.Where(p => p.Error is not null))
            reasons.Add($"config sync: peer {peer.Address}: {peer.Error}");
        if (configSync.Conflict is { } conflict)
            reasons.Add($"config sync: {conflict}");
        return new NodeStatus
        {
            Node = plane.Store.Running.Configuration.Hostname,
            Version = Version,
            Health =
                alarms.Health == Health.Failed ? Health.Failed
                : reasons.Count > 0 ? Health.Degraded
                : Health.Healthy,
            Reasons = reasons,
            Carp = carp with { Services = plane.Services, Hooks = plane.Hooks },
            Addresses = plane.Addresses(carp.Vips),
            Cluster = cluster,
            Checks = plane.Checks,
            StateSync = stateSync,
            ConfigSync = configSync,
        };
    }

    private static bool TryReadArguments(string[] args, out string config, out string state, out string control)
    {
        (config, state, control) = ("", "/var/lib/redoubt", ControlLimits.DefaultSocket);
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
                return false;
            switch (args[i])
            {
                case "--config":
                    config = args[i + 1];
                    break;
                case "--state":
                    state = args[i + 1];
                    break;
                case "--control":
                    control = args[i + 1];
                    break;
                default:
                    return false;
            }
        }
        return config.Length > 0;
    }

    private static string Version =>
        typeof(DaemonCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    private static Thread PrintEvents(EventLog events)
    {
        var subscription = events.Subscribe(out _, DateTimeOffset.MaxValue);
        var thread = new Thread(() =>
        {
            while (subscription.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                while (subscription.Reader.TryRead(out var record))
                    Console.Error.WriteLine(Line(record));
            }
        })
        {
            Name = "log",
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    private static string Line(EventRecord record) =>
        $"{record.Time.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffZ} {record.Kind.ToString().ToLowerInvariant()}: {record.Message}";
}
