using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Control;

/// <summary>The daemon cannot be reached, or does not speak as it should; the message names the socket.</summary>
public sealed class ControlException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>One conversation with a daemon over its control socket. Not for use by several threads at once.</summary>
public sealed class ControlClient : IDisposable
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long an answer may take unless told otherwise; a hand-over takes its time.</summary>
    public static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);

    private readonly string _path;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private byte[] _buffer = new byte[4096];
    private int _filled;
    private SafeFileHandle? _document; // came with the lines that are in the buffer

    private ControlClient(string path) => _path = path;

    /// <summary>Connects; throws <see cref="ControlException"/>.</summary>
    public static async Task<ControlClient> ConnectAsync(string path, CancellationToken cancel = default)
    {
        if (Encoding.UTF8.GetByteCount(path) is 0 or > ControlLimits.SocketPath)
            throw new ControlException($"'{path}' cannot be a control socket: its path must have 1 to {ControlLimits.SocketPath} bytes");
        var client = new ControlClient(path);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(ConnectLimit);
        try
        {
            await client._socket.ConnectAsync(new UnixDomainSocketEndPoint(path), timer.Token).ConfigureAwait(false);
            return client;
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            client.Dispose();
            throw new ControlException($"the daemon cannot be reached at {path}: {Why(e)}", e);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Connects, asks, and returns the last line of the answer; throws <see cref="ControlException"/>.</summary>
    public static async Task<ControlReply> AskOnceAsync(string path, ControlRequest request, CancellationToken cancel = default)
    {
        using var client = await ConnectAsync(path, cancel).ConfigureAwait(false);
        return await client.AskOnceAsync(request, cancel).ConfigureAwait(false);
    }

    /// <summary>Asks, and returns the last line of the answer; throws <see cref="ControlException"/>.</summary>
    public async Task<ControlReply> AskOnceAsync(ControlRequest request, CancellationToken cancel = default)
    {
        ControlReply? last = null;
        await foreach (var reply in AskAsync(request, AnswerLimit, cancel).ConfigureAwait(false))
            last = reply;
        return last!; // AskAsync ends with a last line, or throws
    }

    /// <summary>
    /// Asks with a document beside the line (null: none), and returns the last line of the answer with the document beside it. Throws
    /// <see cref="ControlException"/>.
    /// </summary>
    public async Task<ControlAnswer> AskWithDocumentAsync(
        ControlRequest request,
        ReadOnlyMemory<byte>? document,
        TimeSpan? silence = null,
        CancellationToken cancel = default
    )
    {
        using var passed = document is { } content ? Pass(content.Span) : null;
        ControlReply? last = null;
        await foreach (var reply in AskAsync(request, passed, silence ?? AnswerLimit, cancel).ConfigureAwait(false))
            last = reply;
        using var received = _document;
        _document = null;
        if (received is null)
            return new ControlAnswer(last!, null);
        var bytes = PassedDocument.Read(received) ?? throw new ControlException($"{_path}: the document beside the answer cannot be read");
        return new ControlAnswer(last!, bytes);
    }

    /// <summary>
    /// Asks, and yields each line of the answer up to and with the last one. <paramref name="silence"/> limits the wait for each
    /// line; null for a follow. Throws <see cref="ControlException"/>.
    /// </summary>
    public IAsyncEnumerable<ControlReply> AskAsync(ControlRequest request, TimeSpan? silence, CancellationToken cancel = default) =>
        AskAsync(request, null, silence, cancel);

    private async IAsyncEnumerable<ControlReply> AskAsync(
        ControlRequest request,
        SafeFileHandle? document,
        TimeSpan? silence,
        [EnumeratorCancellation] CancellationToken cancel = default
    )
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest);
        await SendAsync(line, document, cancel).ConfigureAwait(false);
        while (true)
        {
            var length = await ReceiveLineAsync(silence, cancel).ConfigureAwait(false);
            var reply = Parse(_buffer.AsSpan(0, length));
            _filled -= length + 1;
            _buffer.AsSpan(length + 1, _filled).CopyTo(_buffer);
            yield return reply;
            if (reply.Ok is not null)
                yield break;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _document?.Dispose();
        _socket.Dispose();
    }

    private SafeFileHandle Pass(ReadOnlySpan<byte> content)
    {
        try
        {
            return PassedDocument.Create(content);
        }
        catch (IOException e)
        {
            throw new ControlException($"{_path}: {e.Message}", e);
        }
    }

    private static string Why(Exception e) =>
        e switch
        {
            SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "nobody listens there",
            SocketException { SocketErrorCode: SocketError.AccessDenied } =>
                "permission denied (the socket's group may read, root may change)",
            OperationCanceledException => "no answer in time",
            SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "no such socket; is redoubtd running?", // ENOENT
            _ => e.Message,
        };

    private async Task SendAsync(byte[] json, SafeFileHandle? document, CancellationToken cancel)
    {
        try
        {
            await PassedDescriptors.SendAsync(_socket, (byte[])[.. json, (byte)'\n'], document, cancel).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // It has hung up; its last line may say why, and is read next.
        }
    }

    private async Task<int> ReceiveLineAsync(TimeSpan? silence, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (silence is { } limit)
            timer.CancelAfter(limit);
        var searched = 0;
        while (true)
        {
            var newline = _buffer.AsSpan(searched, _filled - searched).IndexOf((byte)'\n');
            if (newline >= 0)
                return searched + newline;
            searched = _filled;
            if (_filled > ControlLimits.Line)
                throw new ControlException($"{_path}: a line of the answer is too long");
            if (_filled == _buffer.Length)
                Array.Resize(ref _buffer, _buffer.Length * 2);
            try
            {
                var (read, document) = await PassedDescriptors
                    .ReceiveAsync(_socket, _buffer.AsMemory(_filled), timer.Token)
                    .ConfigureAwait(false);
                if (document is not null)
                {
                    _document?.Dispose();
                    _document = document;
                }
                if (read == 0)
                    throw new ControlException($"{_path}: the daemon hung up before the answer was complete");
                _filled += read;
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                throw new ControlException($"{_path}: {Why(e)}", e);
            }
        }
    }

    private ControlReply Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ControlJson.Default.ControlReply) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new ControlException($"{_path}: the daemon's answer is not understood: {e.Message}", e);
        }
    }
}

/// <summary>An answer with the document that came beside it.</summary>
/// <param name="Reply">The last line.</param>
/// <param name="Document">The document; null when none came.</param>
public sealed record ControlAnswer(ControlReply Reply, byte[]? Document);
