using System.Buffers;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Redoubt.Control;
using Redoubt.Daemon.Events;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Control;

/// <summary>One client of the control socket: reads its lines, has them carried out one after the other, writes the answers.</summary>
internal sealed class ControlConnection(
    Socket socket,
    bool mayChange,
    ControlVerbs verbs,
    EventLog events,
    ServerLimits limits,
    CancellationToken stop
) : IDisposable
{
    private const int SmallBuffer = 4 << 10;
    private const int Chunk = 64 << 10;
    private const int BadLinesInARow = 16;

    private static int s_lists;
    private static int s_configs;

    private readonly ArrayBufferWriter<byte> _out = new(SmallBuffer);
    private byte[] _in = new byte[SmallBuffer];
    private int _filled;
    private int _badLines;
    private SafeFileHandle? _document; // came beside the line that is next

    public void Dispose()
    {
        Interlocked.Exchange(ref _document, null)?.Dispose();
        socket.Dispose();
    }

    public async Task ServeAsync()
    {
        try
        {
            while (!stop.IsCancellationRequested && await NextLineAsync().ConfigureAwait(false) is var length and >= 0)
            {
                var goOn = await HandleAsync(_in.AsMemory(0, length)).ConfigureAwait(false);
                Consume(length + 1);
                if (!goOn)
                    return;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The client is gone, took nothing for too long, or the server stops.
        }
    }

    /// <summary>Waits until a whole line stands at the front of the buffer; its length without the newline, or -1 at the end.</summary>
    private async Task<int> NextLineAsync()
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timer.CancelAfter(_filled == 0 ? limits.Idle : limits.PartialLine);
        var searched = 0;
        while (true)
        {
            var newline = _in.AsSpan(searched, _filled - searched).IndexOf((byte)'\n');
            if (newline >= 0)
                return searched + newline;
            searched = _filled;
            if (_filled >= ControlLimits.Line)
            {
                await FailAsync($"the line is longer than {ControlLimits.Line} bytes").ConfigureAwait(false);
                return -1;
            }
            if (_filled == _in.Length)
                Array.Resize(ref _in, _in.Length * 2);
            int read;
            try
            {
                (read, var document) = await PassedDescriptors
                    .ReceiveAsync(socket, _in.AsMemory(_filled), timer.Token)
                    .ConfigureAwait(false);
                if (document is not null)
                    Interlocked.Exchange(ref _document, document)?.Dispose(); // one beside a line; a second one takes its place
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                await FailAsync(_filled == 0 ? "closed after long silence" : "the line was not ended in time").ConfigureAwait(false);
                return -1;
            }
            if (read == 0)
                return -1;
            if (_filled == 0)
                timer.CancelAfter(limits.PartialLine);
            _filled += read;
        }
    }

    private void Consume(int count)
    {
        _filled -= count;
        _in.AsSpan(count, _filled).CopyTo(_in);
        if (_in.Length > Chunk && _filled <= SmallBuffer)
            Array.Resize(ref _in, SmallBuffer);
    }

    /// <summary>Carries out one request; false when the conversation is over.</summary>
    private async Task<bool> HandleAsync(ReadOnlyMemory<byte> line)
    {
        ControlRequest? request = null;
        var fault = "a request is a JSON object";
        try
        {
            request = JsonSerializer.Deserialize(line.Span, ControlJson.Default.ControlRequest);
        }
        catch (JsonException e)
        {
            fault = $"not a request: {e.Message}";
        }
        if (request is null)
        {
            await FailAsync(fault).ConfigureAwait(false);
            return ++_badLines < BadLinesInARow;
        }
        _badLines = 0;
        using var document = Interlocked.Exchange(ref _document, null);
        if (document is not null && !ConfigDispatch.TakesDocument(request.Verb))
        {
            await FailAsync("this verb takes no document").ConfigureAwait(false);
            return true;
        }
        switch (request.Verb)
        {
            case ControlVerb.ConfigPushFollow:
                return await PushFollowAsync().ConfigureAwait(false);
            case var verb when ConfigDispatch.Knows(verb):
                await ConfigAsync(request, document).ConfigureAwait(false);
                return true;
            case ControlVerb.Events:
                return await EventsAsync(request).ConfigureAwait(false);
            case ControlVerb.StatesList:
                await ListAsync().ConfigureAwait(false);
                return true;
            case ControlVerb.RulesList:
                await RulesAsync().ConfigureAwait(false);
                return true;
            default:
                Put(Carry(request));
                await FlushAsync().ConfigureAwait(false);
                return true;
        }
    }

    private ControlReply Carry(ControlRequest request)
    {
        try
        {
            return ControlDispatch.Carry(request, verbs, mayChange);
        }
        catch (Exception e)
        {
            // A fault of ours: the one who asked learns of it, the log too, and the firewall goes on.
            events.Add(EventKind.Alarm, $"control: {request.Verb} failed unexpectedly: {e}");
            return ControlReply.Error($"internal error: {e.Message}");
        }
    }

    private async Task RulesAsync()
    {
        var last = new ControlReply { Ok = true };
        try
        {
            foreach (var row in verbs.RulesList())
            {
                Put(new ControlReply { Rule = row });
                if (_out.WrittenCount >= Chunk)
                    await FlushAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is not (SocketException or ObjectDisposedException or OperationCanceledException))
        {
            events.Add(EventKind.Alarm, $"control: {ControlVerb.RulesList} failed unexpectedly: {e}");
            last = ControlReply.Error($"internal error: {e.Message}");
        }
        Put(last);
        await FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Carries out a verb of the configuration on a thread of its own: it may check a password, load rules, wait for a push.</summary>
    private async Task ConfigAsync(ControlRequest request, SafeFileHandle? document)
    {
        if (verbs.Config is not { } config)
        {
            await FailAsync("this daemon keeps no configuration").ConfigureAwait(false);
            return;
        }
        if (Interlocked.Increment(ref s_configs) > ServerLimits.ConfigsAtOnce)
        {
            Interlocked.Decrement(ref s_configs);
            await FailAsync($"{ServerLimits.ConfigsAtOnce} requests of this kind are running already; try again").ConfigureAwait(false);
            return;
        }
        ControlOutcome outcome;
        try
        {
            outcome = await Task
                .Factory.StartNew(
                    () =>
                    {
                        // What only computes gives way to the election. A change may start threads, and they would inherit it.
                        if (request.Verb is ControlVerb.Auth or ControlVerb.ConfigCheck or ControlVerb.ConfigDiff)
                            LibC.LowerPriority();
                        return Carry(request, document, config);
                    },
                    CancellationToken.None,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default
                )
                .ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref s_configs);
        }
        using var passed = outcome.Document is { } content ? PassedDocument.Create(content.Span) : null;
        Put(outcome.Reply);
        await FlushAsync(passed).ConfigureAwait(false);
    }

    private ControlOutcome Carry(ControlRequest request, SafeFileHandle? document, ConfigVerbs config)
    {
        try
        {
            byte[]? content = null;
            if (document is not null && mayChange && (content = PassedDocument.Read(document)) is null)
                return new ControlOutcome(ControlReply.Error($"the document is no file, or larger than {PassedDocument.MaxLength} bytes"));
            return ConfigDispatch.Carry(request, content, config, mayChange);
        }
        catch (Exception e)
        {
            events.Add(EventKind.Alarm, $"control: {request.Verb} failed unexpectedly: {e}");
            return new ControlOutcome(ControlReply.Error($"internal error: {e.Message}"));
        }
    }

    private async Task<bool> PushFollowAsync()
    {
        if (verbs.Config is not { } config || !mayChange)
        {
            await FailAsync("refused: only redoubt-web carries out pushes").ConfigureAwait(false);
            return false;
        }
        using var subscription = config.Follow();
        if (subscription is null)
        {
            await FailAsync("refused: somebody else carries out pushes already").ConfigureAwait(false);
            return false;
        }
        return await FollowAsync(
                subscription.Complete,
                async () =>
                {
                    while (await subscription.Reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
                    {
                        while (_out.WrittenCount < Chunk && subscription.Reader.TryRead(out var push))
                            Put(new ControlReply { Push = push });
                        await FlushAsync().ConfigureAwait(false);
                    }
                    Put(new ControlReply { Ok = true, Message = "the daemon stops" });
                }
            )
            .ConfigureAwait(false);
    }

    private async Task<bool> EventsAsync(ControlRequest request)
    {
        if (!request.Follow)
        {
            await SendEventsAsync(events.Snapshot(request.Since)).ConfigureAwait(false);
            Put(new ControlReply { Ok = true });
            await FlushAsync().ConfigureAwait(false);
            return true;
        }
        using var subscription = events.Subscribe(out var past, request.Since);
        await SendEventsAsync(past).ConfigureAwait(false);
        await FlushAsync().ConfigureAwait(false);
        return await FollowAsync(
                subscription.Complete,
                async () =>
                {
                    while (await subscription.Reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
                    {
                        while (_out.WrittenCount < Chunk && subscription.Reader.TryRead(out var record))
                            Put(new ControlReply { Event = record });
                        await FlushAsync().ConfigureAwait(false);
                    }
                    if (subscription.Overrun)
                        Put(ControlReply.Error($"too slow: more than {EventLog.SubscriptionQueue} events waited; some were lost"));
                    else
                        Put(new ControlReply { Ok = true, Message = "the daemon stops" });
                }
            )
            .ConfigureAwait(false);
    }

    /// <summary>Sends what comes until <paramref name="complete"/> was called: by the source's end, ours, or the client's.</summary>
    private async Task<bool> FollowAsync(Action complete, Func<Task> send)
    {
        using var stopping = stop.Register(complete);
        using var hangUp = new CancellationTokenSource();
        var watching = WatchAsync(complete, hangUp.Token);
        try
        {
            await send().ConfigureAwait(false);
            await FlushAsync().ConfigureAwait(false);
            return false;
        }
        finally
        {
            await hangUp.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
    }

    /// <summary>Ends the subscription as soon as the client closes, or speaks: a follow is the last request of a connection.</summary>
    private async Task WatchAsync(Action complete, CancellationToken hangUp)
    {
        try
        {
            await socket.ReceiveAsync(new byte[1], hangUp).ConfigureAwait(false);
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // over either way
        }
        complete();
    }

    private async Task SendEventsAsync(IReadOnlyList<EventRecord> records)
    {
        foreach (var record in records)
        {
            Put(new ControlReply { Event = record });
            if (_out.WrittenCount >= Chunk)
                await FlushAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Lists the states from a thread of its own: it waits for the client while a pool thread must not.</summary>
    private Task ListAsync()
    {
        if (Interlocked.Increment(ref s_lists) > ServerLimits.ListsAtOnce)
        {
            Interlocked.Decrement(ref s_lists);
            return FailAsync($"{ServerLimits.ListsAtOnce} lists are running already; try again");
        }
        return Task.Factory.StartNew(List, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void List()
    {
        var begin = TimeProvider.System.GetTimestamp();
        socket.SendTimeout = (int)limits.Stall.TotalMilliseconds;
        var inTime = true;
        try
        {
            verbs.StatesList(row =>
            {
                Put(new ControlReply { Row = row });
                if (_out.WrittenCount >= Chunk)
                    SendAll();
                inTime = TimeProvider.System.GetElapsedTime(begin) < limits.List;
                return inTime && !stop.IsCancellationRequested;
            });
            Put(inTime ? new ControlReply { Ok = true } : ControlReply.Error($"the list took longer than {limits.List.TotalSeconds:F0} s"));
            SendAll();
        }
        catch (Exception e) when (e is not (SocketException or ObjectDisposedException))
        {
            events.Add(EventKind.Alarm, $"control: {ControlVerb.StatesList} failed unexpectedly: {e}");
            Put(ControlReply.Error($"internal error: {e.Message}"));
            SendAll();
        }
        finally
        {
            Interlocked.Decrement(ref s_lists);
        }
    }

    private void SendAll()
    {
        socket.Send(_out.WrittenSpan);
        _out.ResetWrittenCount();
    }

    private Task FailAsync(string message)
    {
        Put(ControlReply.Error(message));
        return FlushAsync();
    }

    private void Put(ControlReply reply)
    {
        var begin = _out.WrittenCount;
        using (var json = new Utf8JsonWriter(_out))
            JsonSerializer.Serialize(json, reply, ControlJson.Default.ControlReply);
        _out.Write("\n"u8);
        if (_out.WrittenCount - begin <= ControlLimits.Line)
            return;
        _out.ResetWrittenCount(); // only a status or a list of differences can grow that large, and it is alone in the buffer
        Put(ControlReply.Error($"the answer is longer than {ControlLimits.Line} bytes"));
    }

    private async Task FlushAsync(SafeFileHandle? document = null)
    {
        for (var rest = _out.WrittenMemory; !rest.IsEmpty; )
        {
            using var timer = new CancellationTokenSource(limits.Stall);
            var part = rest[..Math.Min(rest.Length, Chunk)];
            if (document is null)
            {
                rest = rest[await socket.SendAsync(part, timer.Token).ConfigureAwait(false)..];
                continue;
            }
            await PassedDescriptors.SendAsync(socket, part, document, timer.Token).ConfigureAwait(false);
            document = null;
            rest = rest[part.Length..];
        }
        _out.ResetWrittenCount();
    }
}
