using System.Net.Sockets;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Daemon.Events;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Control;

/// <summary>
/// The daemon's end of the control socket: one JSON line a request, one or more back. Runs on the thread pool, and on a thread of
/// its own for each list of states; nothing a client does or leaves undone makes another thread of the daemon wait.
/// </summary>
public sealed class ControlServer : IDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly ControlVerbs _verbs;
    private readonly EventLog _events;
    private readonly ServerLimits _limits;
    private readonly Lock _gate = new();
    private readonly Dictionary<ControlConnection, Task> _connections = [];
    private readonly CancellationTokenSource _stop = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <summary>Prepares a server; nothing is opened before <see cref="Start"/>.</summary>
    public ControlServer(string socketPath, ControlVerbs verbs, EventLog events, ServerLimits? limits = null)
    {
        _path = socketPath;
        _verbs = verbs;
        _events = events;
        _limits = limits ?? new ServerLimits();
    }

    /// <summary>Open connections.</summary>
    public int Connections
    {
        get
        {
            lock (_gate)
                return _connections.Count;
        }
    }

    /// <summary>Opens the socket. Throws <see cref="IOException"/> with a sentence for people when it cannot.</summary>
    public void Start()
    {
        _listener = ControlListener.Open(_path, _limits.Connections);
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Ends follows after their last event, closes every connection, and removes the socket's file; takes a few seconds at
    /// most.</summary>
    public void Stop()
    {
        if (_stop.IsCancellationRequested)
            return;
        _stop.Cancel();
        _listener?.Dispose(); // the framework removes the file of a socket it has bound
        KeyValuePair<ControlConnection, Task>[] open;
        lock (_gate)
            open = [.. _connections];
        Task.WaitAny(Task.WhenAll([_accepting, .. open.Select(c => c.Value)]), Task.Delay(StopLimit));
        foreach (var (connection, _) in open)
            connection.Dispose();
    }

    /// <inheritdoc />
    public void Dispose() => Stop();

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Take(await _listener!.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors or memory, or the client is gone already: not at full speed again.
                await Task.Delay(100).ConfigureAwait(false);
            }
        }
    }

    private void Take(Socket socket)
    {
        var (uid, known) = PeerUser(socket);
        var isRoot = known && (uid == 0 || uid == LibC.GetEffectiveUserId());
        var mayChange = isRoot || (known && uid == _limits.WebUser);
        var verbs = isRoot ? _verbs : _verbs with { Config = _verbs.Config?.ForWeb() };
        var connection = new ControlConnection(socket, mayChange, verbs, _events, _limits, _stop.Token);
        lock (_gate)
        {
            var limit = mayChange ? _limits.Connections : Math.Min(_limits.ReaderConnections, _limits.Connections);
            if (_connections.Count < limit && !_stop.IsCancellationRequested)
            {
                _connections.Add(connection, Task.Run(() => ServeAsync(connection)));
                return;
            }
        }
        Refuse(socket);
        connection.Dispose();
    }

    private async Task ServeAsync(ControlConnection connection)
    {
        try
        {
            await connection.ServeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // A fault of ours costs this client its connection, not the firewall its daemon.
            _events.Add(EventKind.Alarm, $"control: a connection failed unexpectedly: {e}");
        }
        finally
        {
            connection.Dispose();
            lock (_gate)
                _connections.Remove(connection);
        }
    }

    private static void Refuse(Socket socket)
    {
        try
        {
            socket.Blocking = false;
            var line = JsonSerializer.SerializeToUtf8Bytes(ControlReply.Error("too many connections"), ControlJson.Default.ControlReply);
            socket.Send([.. line, (byte)'\n']);
        }
        catch (SocketException)
        {
            // gone already
        }
    }

    private static (uint Uid, bool Known) PeerUser(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
        try
        {
            return socket.GetRawSocketOption(LibC.SOL_SOCKET, LibC.SO_PEERCRED, credentials) == credentials.Length
                ? (BitConverter.ToUInt32(credentials[4..]), true)
                : (0, false);
        }
        catch (SocketException)
        {
            return (0, false);
        }
    }
}
