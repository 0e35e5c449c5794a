using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Redoubt.Control;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>F-41 and the table of bad input: what strangers do to the web interface is no business of the election.</summary>
public sealed class SiegeTests(PushPair pair) : IClassFixture<PushPair>
{
    private const int Requests = 200;

    [Fact]
    public async Task Two_hundred_requests_and_as_many_that_never_end_change_nothing_for_the_master()
    {
        var before = Transitions();
        using var watch = new PortWatch(pair.Topology.Switch, [pair.Primary.Lan, pair.Primary.Wan]);
        var slow = Enumerable.Range(0, Requests).Select(_ => Connect()).ToList();
        foreach (var socket in slow)
            await socket.SendAsync(new byte[] { 22, 3, 1, 2, 0, 1 }); // the first bytes of a handshake, and no more

        var answers = await Task.WhenAll(Enumerable.Range(0, Requests).Select(_ => LogInWronglyAsync(Connect())));

        Assert.All(answers, a => Assert.Matches("^(HTTP/1.1 |closed)", a));
        Assert.Contains(answers, a => a.StartsWith("HTTP/1.1 ", StringComparison.Ordinal));
        Assert.Equal(VipState.Master, pair.Primary.State(Topology.LanVhid));
        Deadline.In(20).Await("the master goes on advertising", () => watch.Count(pair.Primary.Lan.Name, PortFrameKind.Advertisement) >= 5);
        Assert.True(
            before.SequenceEqual(Transitions()),
            string.Join("; ", pair.Primary.Events().TakeLast(12).Select(e => $"{e.Time:O} {e.Message}"))
        );
        slow.ForEach(s => s.Dispose());
        var reply = pair.Push();
        Assert.True(reply.Ok, reply.Message);
    }

    [Fact]
    public void A_web_process_that_hangs_or_dies_leaves_election_and_command_line_alone()
    {
        var before = Transitions();
        pair.Webs[pair.Primary].Freeze();
        Assert.Equal(VipState.Master, pair.Primary.State(Topology.LanVhid));
        Assert.True(pair.Topology.Client.Pings(Topology.ServerAddress, 2));
        pair.Webs[pair.Primary].Kill9();
        Assert.True(pair.Primary.Ask(ControlVerb.ConfigHistory).Ok);
        Assert.Equal(before, Transitions());
        pair.StartWeb(pair.Primary);
        Deadline.In(30).Await("pushes go on", () => pair.Push().Ok == true);
    }

    // From the other node: the sync link is where the web listens.
    private Socket Connect() =>
        pair.Secondary.Place.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Parse(Topology.SyncAddress(1)), 443);
            return socket;
        });

    private static async Task<string> LogInWronglyAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            await using var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = "fw1",
                RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null, // nothing secret is said
            };
            await stream.AuthenticateAsClientAsync(options, limit.Token);
            const string Call = "<?xml version=\"1.0\"?><methodCall><methodName>pfsense.host_firmware_version</methodName></methodCall>";
            var request =
                $"POST /xmlrpc.php HTTP/1.1\r\nHost: fw1\r\nAuthorization: Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes("nobody:wrong"))}\r\n"
                + $"Content-Type: text/xml\r\nContent-Length: {Call.Length}\r\nConnection: close\r\n\r\n{Call}";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request), limit.Token);
            using var reader = new StreamReader(stream);
            return await reader.ReadLineAsync(limit.Token) ?? "closed";
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return "closed";
        }
    }

    private List<string> Transitions() =>
        [
            .. new[] { pair.Primary, pair.Secondary }
                .SelectMany(n => n.Events())
                .Where(e => e.Kind == EventKind.Transition)
                .Select(e => $"{e.Time:O} {e.Message}"),
        ];
}
