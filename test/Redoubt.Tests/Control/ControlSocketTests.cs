using System.Net.Sockets;
using System.Runtime.Versioning;
using Redoubt.Control;
using Redoubt.Daemon.Control;

namespace Redoubt.Tests.Control;

[SupportedOSPlatform("linux")]
public class ControlSocketTests
{
    [Fact]
    public void The_socket_is_for_its_owner_and_group()
    {
        using var node = new ControlNode();

        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite,
            File.GetUnixFileMode(node.Socket)
        );
    }

    [Fact]
    public void A_clean_stop_leaves_no_file()
    {
        using var node = new ControlNode();
        Assert.True(File.Exists(node.Socket));

        node.Server.Stop();

        Assert.Empty(Directory.GetFileSystemEntries(node.Folder));
    }

    [Fact]
    public async Task The_socket_of_a_killed_predecessor_is_replaced()
    {
        using var node = new ControlNode();
        var path = Path.Combine(node.Folder, "dead.sock");
        LeaveDeadSocket(path);

        using var server = new ControlServer(path, node.Verbs, node.Events);
        server.Start();

        Assert.True((await ControlClient.AskOnceAsync(path, new ControlRequest { Verb = ControlVerb.Status }, ControlNode.Token)).Ok);
    }

    [Fact]
    public async Task The_socket_of_a_living_daemon_is_not_replaced()
    {
        using var node = new ControlNode();
        using var second = new ControlServer(node.Socket, node.Verbs, node.Events);

        var error = Assert.Throws<IOException>(second.Start);

        Assert.Contains(node.Socket, error.Message, StringComparison.Ordinal);
        Assert.Contains("another daemon", error.Message, StringComparison.Ordinal);
        second.Stop();
        Assert.True((await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status })).Ok);
    }

    [Fact]
    public void A_daemon_that_listens_but_does_not_accept_counts_as_living()
    {
        using var node = new ControlNode();
        var path = Path.Combine(node.Folder, "frozen.sock");
        using var frozen = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        frozen.Bind(new UnixDomainSocketEndPoint(path));
        frozen.Listen(1);
        var waiting = new List<Socket>();
        for (var i = 0; i < 4; i++) // fills the queue of connections to be accepted
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
            waiting.Add(socket);
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                break;
            }
        }
        using var server = new ControlServer(path, node.Verbs, node.Events);

        Assert.Throws<IOException>(server.Start);

        waiting.ForEach(s => s.Dispose());
    }

    [Fact]
    public void A_file_that_is_no_socket_is_never_removed()
    {
        using var node = new ControlNode();
        var path = Path.Combine(node.Folder, "precious");
        File.WriteAllText(path, "precious");
        using var server = new ControlServer(path, node.Verbs, node.Events);

        Assert.Throws<IOException>(server.Start);

        Assert.Equal("precious", File.ReadAllText(path));
    }

    [Fact]
    public void A_path_too_long_for_a_socket_is_refused_in_words()
    {
        using var node = new ControlNode();
        using var server = new ControlServer(Path.Combine(node.Folder, new string('x', 120)), node.Verbs, node.Events);

        Assert.Contains("107 bytes", Assert.Throws<IOException>(server.Start).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_that_start_at_once_one_serves()
    {
        using var node = new ControlNode();
        var path = Path.Combine(node.Folder, "race.sock");
        LeaveDeadSocket(path);
        var servers = Enumerable.Range(0, 8).Select(_ => new ControlServer(path, node.Verbs, node.Events)).ToList();

        var started = await Task.WhenAll(
            servers.Select(s =>
                Task.Run(
                    () =>
                    {
                        try
                        {
                            s.Start();
                            return true;
                        }
                        catch (IOException)
                        {
                            return false;
                        }
                    },
                    ControlNode.Token
                )
            )
        );

        Assert.Single(started, s => s);
        Assert.True((await ControlClient.AskOnceAsync(path, new ControlRequest { Verb = ControlVerb.Status }, ControlNode.Token)).Ok);
        servers.ForEach(s => s.Dispose());
    }

    // The framework removes the file of a socket it closes; under another name it overlooks it, as kill -9 would leave it.
    private static void LeaveDeadSocket(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path + ".x"));
        socket.Listen(1);
        File.Move(path + ".x", path);
    }
}
