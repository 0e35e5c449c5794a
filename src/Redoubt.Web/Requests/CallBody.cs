using System.Buffers;
using System.IO.Compression;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Requests;

/// <summary>How reading a body ended.</summary>
internal enum BodyOutcome : byte
{
    /// <summary>A call was read.</summary>
    Read,

    /// <summary>Not XML-RPC, or larger than a message may be.</summary>
    Refused,

    /// <summary>More bytes than allowed came.</summary>
    TooLarge,

    /// <summary>Packed in a way that is not taken.</summary>
    BadEncoding,

    /// <summary>Large bodies wait for each other, and this one did too long.</summary>
    Busy,
}

/// <summary>
/// A call read from a request's body. Bytes are kept as they came, packed; the unpacked message is never held whole, and unpacking stops at the limit of a
/// message. Of bodies above <see cref="WebLimits.SmallBody"/>, packed or not, one is in memory at a time.
/// </summary>
internal sealed class CallBody(WebLimits limits) : IDisposable
{
    private const int ChunkBytes = 64 << 10;
    private static readonly TimeSpan _quiet = TimeSpan.FromMilliseconds(500);
    private readonly SemaphoreSlim _large = new(1, 1);
    private readonly SemaphoreSlim _wanted = new(0, 1); // somebody began to wait for a large body's turn
    private readonly Lock _gate = new();
    private int _waiting; // under the lock

    /// <summary>Reads and decodes; <c>Hold</c> is to be disposed when the call is no longer needed.</summary>
    public async Task<(BodyOutcome Outcome, XmlRpcCall? Call, XmlRpcRefusal Refusal, long Bytes, IDisposable? Hold)> ReadAsync(
        Stream body,
        string? contentEncoding,
        CancellationToken cancel
    )
    {
        if (contentEncoding is not (null or "" or "identity" or "gzip" or "x-gzip"))
            return (BodyOutcome.BadEncoding, null, default, 0, null);
        var packed = contentEncoding is "gzip" or "x-gzip";
        var chunks = new List<byte[]>();
        IDisposable? hold = null;
        try
        {
            long bytes = 0;
            while (true)
            {
                var chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
                chunks.Add(chunk);
                var read = await body.ReadAtLeastAsync(chunk.AsMemory(0, ChunkBytes), ChunkBytes, throwOnEndOfStream: false, cancel)
                    .ConfigureAwait(false);
                bytes += read;
                if (bytes > limits.Message.Bytes)
                    return (BodyOutcome.TooLarge, null, default, bytes, hold);
                if (read < ChunkBytes)
                    break;
                if (bytes >= limits.SmallBody && hold is null && (hold = await HoldAsync(cancel).ConfigureAwait(false)) is null)
                    return (BodyOutcome.Busy, null, default, bytes, null);
            }
            var message = hold is null ? limits.Message with { Bytes = Math.Min(limits.SmallBody, limits.Message.Bytes) } : limits.Message;
            var refusal = Decode(chunks, bytes, packed, message, out var call);
            if (refusal.Reason == XmlRpcReason.TooLarge && hold is null && packed)
            {
                if ((hold = await HoldAsync(cancel).ConfigureAwait(false)) is null)
                    return (BodyOutcome.Busy, null, default, bytes, null);
                refusal = Decode(chunks, bytes, packed, limits.Message, out call);
            }
            return (refusal.IsNone ? BodyOutcome.Read : BodyOutcome.Refused, call, refusal, bytes, hold);
        }
        catch
        {
            hold?.Dispose();
            throw;
        }
        finally
        {
            foreach (var chunk in chunks)
                ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    public void Dispose()
    {
        _large.Dispose();
        _wanted.Dispose();
    }

    private static XmlRpcRefusal Decode(List<byte[]> chunks, long bytes, bool packed, XmlRpcLimits limits, out XmlRpcCall? call)
    {
        call = null;
        using Stream stream = new ChunkStream(chunks, bytes);
        try
        {
            if (!packed)
            {
                XmlRpcReader.TryReadCall(stream, limits, out call, out var refusal);
                return refusal;
            }
            using var unpacked = new GZipStream(stream, CompressionMode.Decompress);
            XmlRpcReader.TryReadCall(unpacked, limits, out call, out var unpackedRefusal);
            return unpackedRefusal;
        }
        catch (InvalidDataException)
        {
            return new XmlRpcRefusal(XmlRpcReason.NotXml, 0, "not gzip");
        }
    }

    private async Task<IDisposable?> HoldAsync(CancellationToken cancel)
    {
        if (_large.Wait(0, cancel))
            return new Release(this);
        lock (_gate)
        {
            _waiting++;
            if (_wanted.CurrentCount == 0)
                _wanted.Release();
        }
        try
        {
            return await _large.WaitAsync(limits.Wait, cancel).ConfigureAwait(false) ? new Release(this) : null;
        }
        finally
        {
            lock (_gate)
                _waiting--;
        }
    }

    // What a large call left is the most that this process ever has: it is given back before the next one comes, and else when the answer is out and whatever belongs
    // to it is asked.
    private async Task GiveBackAsync()
    {
        bool isWanted;
        lock (_gate)
        {
            _wanted.Wait(0); // of somebody who has had his turn, or left
            isWanted = _waiting > 0;
        }
        if (!isWanted)
            await _wanted.WaitAsync(_quiet).ConfigureAwait(false);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _large.Release();
    }

    private sealed class Release(CallBody owner) : IDisposable
    {
        private int _done;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _done, 1) == 0)
                _ = Task.Run(owner.GiveBackAsync);
        }
    }

    /// <summary>Reads over full chunks, the last one partly.</summary>
    private sealed class ChunkStream(List<byte[]> chunks, long length) : Stream
    {
        private long _at;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => length;

        public override long Position
        {
            get => _at;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (_at == length)
                return 0;
            var (chunk, start) = ((int)(_at / ChunkBytes), (int)(_at % ChunkBytes));
            var count = (int)Math.Min(Math.Min(buffer.Length, ChunkBytes - start), length - _at);
            chunks[chunk].AsSpan(start, count).CopyTo(buffer);
            _at += count;
            return count;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
