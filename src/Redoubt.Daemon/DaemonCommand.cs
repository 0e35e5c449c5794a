using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Redoubt.Control;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;
using Redoubt.Daemon.Cluster;
using Redoubt.Daemon.Control;
using Redoubt.Daemon.Events;
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
    private const string Usage = "usage: redoubtd --config FILE [--state DIR] [--control SOCKET]";

    public static int Run(string[] args)
    {
        if (!TryReadArguments(args, out var config, out var state, out var control))
        {
            Console.Error.WriteLine(Usage);
            return BadConfiguration;
        }
        if (TryReadConfiguration(config, out var digest, out var secret) is not { } configuration)
            return BadConfiguration;
        try
        {
            Directory.CreateDirectory(state);
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(control))!);
            return Serve(configuration, secret, digest, config, state, control);
        }
        catch (Exception e) when (e is KernelException or IOException or UnauthorizedAccessException or SocketException)
        {
            Console.Error.WriteLine($"redoubtd: {e.Message}");
            return Failed;
        }
    }

    private static int Serve(
        NodeConfiguration configuration,
        ClusterSecret? secret,
        string digest,
        string file,
        string state,
        string control
    )
    {
        using var events = new EventLog(state);
        var alarms = new AlarmBoard(events);
        var printer = PrintEvents(events);
        var maintenance = new Maintenance(state, configuration.MaintenanceMode);
        using var signals = new SignalQueue();
        var current = Node.Start(configuration, secret, state, maintenance, events, alarms);
        var gate = new Lock();
        var (inForce, hostname) = (configuration, configuration.Hostname);
        Node Current()
        {
            lock (gate)
                return current;
        }
        using var server = new ControlServer(control, Verbs(Current, () => hostname, () => digest, () => inForce, alarms), events);
        try
        {
            server.Start();
        }
        catch
        {
            current.Stop();
            current.Dispose();
            throw;
        }
        events.Add(EventKind.Start, $"redoubtd {Version} started as {hostname}");
        foreach (var tag in NotInForce(configuration.Redoubt))
            events.Add(EventKind.Config, $"<redoubt>: {tag} has no effect in this version");
        NotifySystemd("READY=1");
        Precompilation.Begin();
        while (signals.Take() == PosixSignal.SIGHUP)
        {
            if (TryReadConfiguration(file, out var newDigest, out var newSecret) is not { } changed)
            {
                events.Add(EventKind.Config, "reload refused: the configuration has errors; the old one stays in force");
                continue;
            }
            if (current.TryReload(changed, newSecret) is { } replaced)
            {
                if (replaced.Succeeded)
                    (inForce, digest) = (changed, newDigest);
                events.Add(
                    EventKind.Config,
                    replaced.Succeeded
                        ? "reload: the rules were replaced"
                        : $"reload: the rules were refused, the old ones stay: {replaced.Error}"
                );
                continue;
            }
            lock (gate)
            {
                current.Stop();
                current.Dispose();
                try
                {
                    current = Node.Start(changed, newSecret, state, maintenance, events, alarms);
                }
                catch (KernelException e)
                {
                    events.Add(EventKind.Config, $"reload failed, the old configuration is in force again: {e.Message}");
                    current = Node.Start(inForce, secret, state, maintenance, events, alarms);
                    continue;
                }
            }
            (inForce, secret, hostname, digest) = (changed, newSecret, changed.Hostname, newDigest);
            events.Add(EventKind.Config, "reload: the node was started anew with the changed configuration");
        }
        NotifySystemd("STOPPING=1");
        current.Stop();
        current.Dispose();
        events.Add(EventKind.Stop, "redoubtd stopped");
        server.Stop();
        events.Dispose();
        printer.Join(TimeSpan.FromSeconds(1));
        return Done;
    }

    private static ControlVerbs Verbs(
        Func<Node> node,
        Func<string> hostname,
        Func<string> digest,
        Func<NodeConfiguration> inForce,
        AlarmBoard alarms
    ) =>
        new()
        {
            Status = () => Status(node(), hostname(), digest(), inForce(), alarms),
            CarpEnable = on => node().Enable(on),
            CarpDemote = (amount, reason) => node().Demote(amount, reason),
            CarpUndemote = reason => node().Undemote(reason),
            CarpState = (vhid, name, state) => node().SetState(vhid, name, state),
            Maintenance = on => node().SetMaintenance(on),
            Failover = (back, force) => node().Failover(back, force),
            StatesCount = () => node().CountStates(),
            StatesList = Node.ListStates,
            StatesSync = () => node().SyncStates(),
        };

    private static NodeStatus Status(Node node, string hostname, string digest, NodeConfiguration configuration, AlarmBoard alarms)
    {
        var carp = node.CarpStatus();
        var stateSync = node.StateSyncStatus();
        List<string> reasons = [.. alarms.Reasons];
        reasons.AddRange(carp.Demotions.Select(d => $"demoted by {d.Amount}: {d.Reason}"));
        if (!carp.Enabled)
            reasons.Add("CARP is off");
        foreach (var peer in stateSync.Peers)
        {
            if (!peer.Alive)
                reasons.Add($"state sync: peer {peer.Address} is silent");
            else if (!peer.InSync)
                reasons.Add($"state sync: peer {peer.Address} is not in sync ({peer.Bulk})");
        }
        return new NodeStatus
        {
            Node = hostname,
            Version = Version,
            Health =
                alarms.Health == Health.Failed ? Health.Failed
                : reasons.Count > 0 ? Health.Degraded
                : Health.Healthy,
            Reasons = reasons,
            Carp = carp,
            StateSync = stateSync,
            ConfigSync = new ConfigSyncStatus
            {
                Role = configuration.HaSync.SynchronizeTo is null ? ConfigRole.None : ConfigRole.Primary,
                Digest = digest,
            },
        };
    }

    private static NodeConfiguration? TryReadConfiguration(string file, out string digest, out ClusterSecret? secret)
    {
        digest = "";
        secret = null;
        byte[] bytes;
        try
        {
            var info = new FileInfo(file);
            if (info.Length > ConfigurationLimits.FileBytes)
            {
                Console.Error.WriteLine($"{file}: larger than {ConfigurationLimits.FileBytes} bytes");
                return null;
            }
            bytes = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"redoubtd: {e.Message}");
            return null;
        }
        digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var result = ConfigurationReader.Read(bytes, file);
        foreach (var problem in result.Problems)
            Console.Error.WriteLine(problem);
        if (result.Configuration is not { } configuration)
            return null;
        var unsupported = Unsupported(configuration).ToList();
        foreach (var problem in unsupported)
            Console.Error.WriteLine($"{file}: error: {problem}");
        if (unsupported.Count > 0)
            return null;
        if (configuration.Redoubt.SecretFile is not { } name)
            return configuration;
        secret = SecretFile.TryLoad(SecretFile.PathOf(file, name), out var error);
        if (secret is not null)
            return configuration;
        Console.Error.WriteLine($"{file}: error: redoubt/cluster/secretfile: {error}");
        return null;
    }

    // Better refused than silently run as something else.
    private static IEnumerable<string> Unsupported(NodeConfiguration configuration)
    {
        foreach (var host in configuration.VirtualHosts)
        {
            if (host.Protocol != VirtualRouterProtocol.Carp)
                yield return $"redoubt/vip {host.Member}: this version elects by CARP only; expected <protocol>carp</protocol>";
            if (host.UsesRealMac)
                yield return $"redoubt/vip {host.Member}: this version uses virtual MACs only; expected <mac>virtual</mac>";
            if (!host.UnicastPeers.IsEmpty)
                yield return $"redoubt/vip {host.Member}: this version advertises by multicast only; expected no <peer>";
        }
        if (configuration.Redoubt.Transport != StateSyncTransport.Redoubt)
            yield return "redoubt/statesync/transport: this version speaks its own transport only; expected <transport>redoubt</transport>";
    }

    // What is checked and kept for a later version changes nothing today: said once, so that nobody relies on it.
    private static IEnumerable<string> NotInForce(RedoubtSettings settings)
    {
        if (settings.Strict)
            yield return "cluster/strict";
        if (settings.SyncLinks.Length > 1)
            yield return "the second cluster/synclink";
        if (settings.Profile == FailoverProfile.Fast)
            yield return "failover/profile fast";
        if (settings.Groups.Length > 1)
            yield return "failover/group";
        if (!settings.Witnesses.IsEmpty)
            yield return "failover/witness";
        if (!settings.Checks.IsEmpty)
            yield return "failover/check";
        if (settings.Defer)
            yield return "statesync/defer";
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

    // sd_notify(3): one datagram to the socket named in the environment; a leading @ means an abstract name.
    private static void NotifySystemd(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path)
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path));
            socket.Send(System.Text.Encoding.UTF8.GetBytes(state));
        }
        catch (SocketException e)
        {
            Console.Error.WriteLine($"redoubtd: cannot tell the service manager: {e.Message}");
        }
    }
}
