using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using Redoubt.Control;

namespace Redoubt.Web.Tests;

/// <summary>What came in one line of the control socket, with the document beside it.</summary>
public sealed record DaemonRequest(ControlRequest Line, byte[]? Document)
{
    public string Verb => Line.Verb;

    public ConfigReceiveRequest Receive => Line.Receive!;
}

/// <summary>A daemon's control socket: speaks the wire, notes what it is asked, answers what a test says.</summary>
public sealed class FakeDaemon : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private readonly Channel<PushWanted> _pushes = Channel.CreateUnbounded<PushWanted>();
    private readonly Channel<ConfigPushResult> _results = Channel.CreateUnbounded<ConfigPushResult>();
    private int _present;
    private int _disposed;

    public FakeDaemon(string directory)
    {
        SocketPath = Path.Combine(directory, "control.sock");
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen(512);
        _accepting = AcceptAsync();
    }

    public string SocketPath { get; }

    public ConcurrentQueue<DaemonRequest> Requests { get; } = [];

    /// <summary>Accounts: name to password and privilege.</summary>
    public ConcurrentDictionary<string, (string Password, bool MaySync)> Accounts { get; } =
        new() { ["hasync"] = ("ha sync+p@ss/1", true), ["bob"] = ("bob-pw", false) };

    /// <summary>Answers verbs that the test cares for; null leaves it to the usual answer.</summary>
    public Func<DaemonRequest, Task<(ControlReply Reply, byte[]? Document)?>>? Answer { get; set; }

    /// <summary>The digest of what is held of the area aliases: of what a push brings, as soon as one came.</summary>
    public string Aliases
    {
        get => Of(ControlVerb.ConfigReceive).Any() ? "11ee" : field;
        set;
    } = "22dd";

    /// <summary>The most changes that were under way at the same time.</summary>
    public int MostChangesAtOnce { get; private set; }

    public IEnumerable<DaemonRequest> Of(string verb) => Requests.Where(r => r.Verb == verb);

    /// <summary>Wants a push.</summary>
    public void Want(long id, bool dryRun = false, params string[] areas) =>
        _pushes.Writer.TryWrite(new PushWanted(id, dryRun, areas, "test"));

    /// <summary>The next outcome that was reported.</summary>
    public async Task<ConfigPushResult> ResultAsync() => await _results.Reader.ReadAsync(Deadline.Token);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var owned = socket;
        var buffer = new byte[ControlLimits.Line];
        var filled = 0;
        SafeFileHandle? descriptor = null;
        try
        {
            while (true)
            {
                var newline = buffer.AsSpan(0, filled).IndexOf((byte)'\n');
                if (newline < 0)
                {
                    var (bytes, handle) = await PassedDescriptors.ReceiveAsync(socket, buffer.AsMemory(filled), _stop.Token);
                    if (bytes == 0)
                        return;
                    filled += bytes;
                    descriptor ??= handle;
                    continue;
                }
                var line = JsonSerializer.Deserialize(buffer.AsSpan(0, newline), ControlJson.Default.ControlRequest)!;
                var request = new DaemonRequest(line, descriptor is null ? null : PassedDocument.Read(descriptor));
                descriptor?.Dispose();
                descriptor = null;
                filled -= newline + 1;
                buffer.AsSpan(newline + 1, filled).CopyTo(buffer);
                Requests.Enqueue(request);
                if (request.Verb == ControlVerb.ConfigPushFollow)
                {
                    await foreach (var wanted in _pushes.Reader.ReadAllAsync(_stop.Token))
                        await SendAsync(socket, new ControlReply { Push = wanted }, null);
                }
                var (answer, document) = await AnswerAsync(request);
                await SendAsync(socket, answer, document);
                if (request.Line.PushResult is { } result)
                    _results.Writer.TryWrite(result);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The other end, or the test, is gone.
        }
    }

    private async Task SendAsync(Socket socket, ControlReply reply, byte[]? document)
    {
        using var descriptor = document is null ? null : PassedDocument.Create(document);
        await PassedDescriptors.SendAsync(
            socket,
            (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply), (byte)'\n'],
            descriptor,
            _stop.Token
        );
    }

    private async Task<(ControlReply Reply, byte[]? Document)> AnswerAsync(DaemonRequest request)
    {
        var isChange = request.Verb == ControlVerb.ConfigReceive;
        if (isChange)
        {
            var present = Interlocked.Increment(ref _present);
            MostChangesAtOnce = Math.Max(MostChangesAtOnce, present);
        }
        try
        {
            if (Answer is { } given && await given(request) is { } answer)
                return answer;
            return Usual(request);
        }
        finally
        {
            if (isChange)
                Interlocked.Decrement(ref _present);
        }
    }

    private static ControlReply Done => new() { Ok = true };

    private (ControlReply Reply, byte[]? Document) Usual(DaemonRequest request) =>
        request.Verb switch
        {
            ControlVerb.Auth => (Authenticate(request.Line.Auth!), null),
            ControlVerb.Status => (Done with { Status = Sample.Status }, null),
            ControlVerb.ConfigVersion => (Done with { Version = new ConfigVersion("24.5", "0.1.0", "6.18.5", "fw-b", "2") }, null),
            ControlVerb.ConfigBackup => (Done, Sample.Backup(request.Line.Backup!)),
            ControlVerb.ConfigDigests => (
                Done with
                {
                    Areas = [new ConfigArea("rules", "00ff", "applied"), new ConfigArea("aliases", Aliases, "applied")],
                },
                null
            ),
            ControlVerb.ConfigReceive or ControlVerb.ConfigPushResult or ControlVerb.WebCertificate => (Done, null),
            _ => (ControlReply.Error($"unknown verb {request.Verb}"), null),
        };

    private ControlReply Authenticate(AuthRequest request)
    {
        var known = Accounts.TryGetValue(request.User, out var account) && account.Password == request.Password;
        return known && account.MaySync ? Done
            : known ? ControlReply.Error("not enough privileges") with { FaultCode = -2 }
            : ControlReply.Error("wrong user name or password") with { FaultCode = -1, RetryAfterMs = 0 };
    }
}
