using System.Buffers.Binary;
using System.Net.Sockets;
using Redoubt.Linux;

namespace Redoubt.Lab.Traffic;

/// <summary>Which way the bytes go.</summary>
public enum TransferDirection : byte
{
    /// <summary>From the server to the client.</summary>
    Download = 1,

    /// <summary>From the client to the server.</summary>
    Upload = 2,
}

/// <summary>How a transfer stands or ended.</summary>
/// <param name="Direction">Which way.</param>
/// <param name="Bytes">Bytes that arrived and were right.</param>
/// <param name="Length">Bytes that were sent; while the sender goes on, those it may send.</param>
/// <param name="Error">What went wrong: a wrong byte with its place, a reset, silence; null where nothing did.</param>
/// <param name="LongestGap">Longest time without arrivals.</param>
/// <param name="Gaps">Every such time above <see cref="Arrivals.Threshold"/>, in order.</param>
/// <param name="Marks">Named moments.</param>
public sealed record TransferResult(
    TransferDirection Direction,
    long Bytes,
    long Length,
    string? Error,
    TimeSpan LongestGap,
    IReadOnlyList<ProbeGap> Gaps,
    IReadOnlyList<ProbeMark> Marks
)
{
    /// <summary>Everything arrived as it was sent.</summary>
    public bool IsComplete => Error is null && Bytes == Length;

    /// <summary>The longest gap that ended after the mark and began before the next one; zero where there was none above the threshold.</summary>
    public TimeSpan GapAfter(string mark)
    {
        var from = Marks.First(m => m.Name == mark).At;
        var next = Marks.Where(m => m.At > from).Select(m => m.At).DefaultIfEmpty(TimeSpan.MaxValue).Min();
        return Gaps.Where(g => g.Start + g.Length > from && g.Start < next).Select(g => g.Length).DefaultIfEmpty().Max();
    }
}

/// <summary>
/// One TCP connection that carries a known stream at a steady rate, checked byte by byte where it arrives. The options of the stack are left
/// alone: what it takes to recover from an outage is what any program would see.
/// </summary>
public sealed class Transfer : IDisposable
{
    private readonly Socket _socket;
    private readonly Thread _thread;
    private readonly Flow _flow;
    private readonly ManualResetEventSlim _ended = new();
    private volatile string? _error;

    /// <summary>Connects and starts. Throws <see cref="SocketException"/> where no connection can be made.</summary>
    /// <param name="where">The client's namespace.</param>
    /// <param name="server">The far end.</param>
    /// <param name="direction">Which way the bytes go.</param>
    /// <param name="length">How many, up to 16 GiB.</param>
    /// <param name="rate">How many a second, 1 KiB to 1 GiB.</param>
    public Transfer(NetworkNamespace where, TransferServer server, TransferDirection direction, long length, long rate)
    {
        _flow = new Flow(new TransferRequest(direction, (ulong)Random.Shared.NextInt64(), length, rate));
        _flow.Request.Check();
        server.Expect(_flow);
        Socket? socket = null;
        where.Run(() =>
        {
            socket = new Socket(server.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(server.EndPoint);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        });
        _socket = socket!;
        _thread = new Thread(Run) { IsBackground = true, Name = $"transfer {direction}" };
        _thread.Start();
    }

    /// <summary>True until everything has arrived or something went wrong.</summary>
    public bool IsRunning => !_ended.IsSet;

    /// <summary>Bytes that have arrived and were right.</summary>
    public long Bytes => _flow.Arrivals.Bytes;

    /// <summary>Names this moment, so that the gap which follows can be asked for.</summary>
    public void Mark(string name) => _flow.Arrivals.Mark(name);

    /// <summary>How it stands now.</summary>
    public TransferResult Result => _flow.Arrivals.Result(_flow, _error);

    /// <summary>Ends the stream after what has been sent so far: that is then its length.</summary>
    public void Finish() => _flow.IsEnough = true;

    /// <summary>Waits for the end, at most until the deadline; a transfer that still runs then is no error but incomplete.</summary>
    public TransferResult Wait(Deadline deadline)
    {
        _ended.Wait(deadline.Left);
        return Result;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _socket.Dispose();
        _thread.Join();
        _ended.Dispose();
    }

    private void Run()
    {
        try
        {
            Span<byte> request = stackalloc byte[TransferRequest.Size];
            _flow.Request.Write(request);
            _socket.Send(request);
            if (_flow.Request.Direction == TransferDirection.Download)
            {
                TransferStream.Receive(_socket, _flow);
                return;
            }
            TransferStream.Send(_socket, _flow);
            // The server answers with what it got when it has it all.
            Span<byte> answer = stackalloc byte[8];
            var got = _socket.Receive(answer);
            if (got != answer.Length || BinaryPrimitives.ReadInt64BigEndian(answer) != _flow.FinalLength)
                _error = _flow.Arrivals.Error ?? "the server ended before it had everything";
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            _error = e.Message;
        }
        finally
        {
            _ended.Set();
        }
    }
}
