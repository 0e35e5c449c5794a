using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Redoubt.Control;
using Redoubt.Daemon.Control;
using Redoubt.Daemon.Events;

namespace Redoubt.Tests.Control;

/// <summary>A control server over a real socket in a directory of its own, with verbs that note how they were called.</summary>
internal sealed class ControlNode : IDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static readonly NodeStatus Sample = new()
    {
        Node = "fw1",
        Version = "0.1.0",
        Health = Health.Degraded,
        Reasons = ["state sync: fw2 is not heard"],
        Carp = new CarpStatus
        {
            Enabled = true,
            Maintenance = false,
            Demotion = 240,
            Demotions = [new DemotionEntry("bulk", 240, Time(1))],
            Vips =
            [
                new VipStatus
                {
                    Interface = "lan",
                    Device = "lan0",
                    Vhid = 1,
                    State = VipState.Master,
                    AdvBase = 1,
                    AdvSkew = 0,
                    Addresses = ["10.0.0.1/24", "2001:db8::1/64"],
                    Since = Time(2),
                    Reason = "no advertisement heard for 3.0 s",
                    Master = "fw1",
                },
            ],
            Services =
            [
                new ServiceStatus
                {
                    Name = "dns",
                    Group = "main",
                    Wanted = true,
                    Running = false,
                    Since = Time(2),
                    Error = "ended with code 1",
                },
            ],
            Hooks = new HookStatus(4, 1, 0, 0, 2),
            Counters = [new CarpInterfaceCounters("lan", 3, 2, new Dictionary<string, long> { ["accepted"] = 2, ["badauth"] = 1 })],
        },
        Addresses =
        [
            new AddressStatus
            {
                Mode = "ipalias",
                Interface = "lan",
                Device = "lan0",
                Address = "192.0.2.7/24",
                State = "held",
            },
        ],
        Checks =
        [
            new CheckStatus
            {
                Name = "gateway",
                Type = "ping",
                Target = "203.0.113.1",
                Weight = 240,
                Passes = false,
                Since = Time(1),
                Error = "no answer",
            },
        ],
        StateSync = new StateSyncStatus
        {
            Enabled = true,
            Entries = 17,
            Peers =
            [
                new PeerStatus
                {
                    Address = "10.77.3.12",
                    Alive = true,
                    InSync = false,
                    LagMs = 0.4,
                    Bulk = "running 37%",
                },
            ],
            Counters = new Dictionary<string, long> { ["overruns"] = 1 },
        },
        ConfigSync = new ConfigSyncStatus
        {
            Role = ConfigRole.Primary,
            Digest = "00ff",
            Peers =
            [
                new ConfigPeerStatus
                {
                    Address = "10.77.3.12",
                    InSync = true,
                    LastPush = Time(3),
                },
            ],
        },
    };

    public ControlNode(ServerLimits? limits = null, Func<ControlVerbs, ControlVerbs>? change = null)
    {
        Directory.CreateDirectory(Folder);
        Verbs = new ControlVerbs
        {
            Status = () => Sample,
            CarpEnable = on => Note($"carp {on}"),
            CarpDemote = (amount, reason) => Note($"demote {amount} {reason}"),
            CarpUndemote = reason => reason == "none" ? VerbResult.Refused("no such demotion") : Note($"undemote {reason}"),
            CarpState = (vhid, name, state) => Note($"state {vhid} {name} {state}"),
            Maintenance = on => Note($"maintenance {on}"),
            Failover = (back, force) => Note($"failover {back} {force}"),
            Doctor = () => new Examination { Findings = [] },
            StatesCount = () => new StateCount(Rows, 1000),
            RulesList = () =>
                [
                    new RuleRow
                    {
                        Section = "filter",
                        Tracker = "1760000001",
                        Line = 7,
                        Interface = "lan",
                        Action = "pass",
                        Description = "to the world",
                        Standing = "active",
                        Packets = 3,
                        Bytes = 180,
                        Counter = "rule_1760000001",
                    },
                ],
            StatesList = visitor =>
            {
                for (var i = 0; i < Rows && visitor(Row(i)); i++) { }
            },
            StatesSync = () => Note("sync"),
        };
        Server = new ControlServer(Socket, change?.Invoke(Verbs) ?? Verbs, Events, limits);
        Server.Start();
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "rd-" + Guid.NewGuid().ToString("N")[..12]);
    public string Socket => Path.Combine(Folder, "control.sock");
    public EventLog Events { get; } = new(null);
    public ControlVerbs Verbs { get; }
    public ControlServer Server { get; }
    public ConcurrentQueue<string> Calls { get; } = new();
    public int Rows { get; init; } = 3;

    public static DateTimeOffset Time(int second) => new(2026, 1, 2, 3, 4, second, TimeSpan.Zero);

    public Task<ControlReply> AskAsync(ControlRequest request) => ControlClient.AskOnceAsync(Socket, request, Token);

    /// <summary>A client that says what it likes.</summary>
    public Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint(Socket));
        return socket;
    }

    /// <summary>Sends raw text and returns the answer's first line; null when the server hangs up without one.</summary>
    public static string? Exchange(Socket socket, string text)
    {
        socket.Send(Encoding.UTF8.GetBytes(text));
        return ReadLine(socket);
    }

    public static string? ReadLine(Socket socket)
    {
        var line = new List<byte>();
        Span<byte> one = stackalloc byte[1];
        while (true)
        {
            int read;
            try
            {
                read = socket.Receive(one);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                read = 0;
            }
            if (read == 0)
                return null;
            if (one[0] == '\n')
                return Encoding.UTF8.GetString([.. line]);
            line.Add(one[0]);
        }
    }

    public static async Task Eventually(Func<bool> condition, string what)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < Deadline, what);
            await Task.Delay(10, Token);
        }
    }

    public void Dispose()
    {
        Server.Dispose();
        Events.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static StateRow Row(int i) =>
        new()
        {
            Protocol = "tcp",
            State = "ESTABLISHED",
            Source = $"10.0.0.5:{i}",
            Destination = "192.0.2.1:80",
            ReplySource = "192.0.2.1:80",
            ReplyDestination = $"198.51.100.1:{i}",
            TimeoutSeconds = 432_000,
            Assured = true,
        };

    private VerbResult Note(string call)
    {
        Calls.Enqueue(call);
        return VerbResult.Done(call);
    }
}
