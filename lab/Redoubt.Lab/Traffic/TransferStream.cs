using System.Buffers.Binary;
using System.Net.Sockets;

namespace Redoubt.Lab.Traffic;

/// <summary>What a client asks of a <see cref="TransferServer"/>.</summary>
/// <remarks><code>
/// 0..3    4          5..7  8..15  16..23  24..31      big endian
/// "RDT1"  direction  0     seed   length  rate
/// </code></remarks>
internal readonly record struct TransferRequest(TransferDirection Direction, ulong Seed, long Length, long Rate)
{
    public const int Size = 32;
    private const uint Magic = 0x5244_5431;
    private const long LongestLength = 16L << 30;

    public void Write(Span<byte> bytes)
    {
        bytes.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        bytes[4] = (byte)Direction;
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Seed);
        BinaryPrimitives.WriteInt64BigEndian(bytes[16..], Length);
        BinaryPrimitives.WriteInt64BigEndian(bytes[24..], Rate);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out TransferRequest request)
    {
        request = new TransferRequest(
            (TransferDirection)bytes[4],
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[24..])
        );
        return BinaryPrimitives.ReadUInt32BigEndian(bytes) == Magic && request.IsSound;
    }

    public void Check()
    {
        if (!IsSound)
            throw new LabException("a transfer has 1 to 16 Gi bytes, and 1 Ki to 1 Gi of them a second");
    }

    private bool IsSound =>
        Direction is TransferDirection.Download or TransferDirection.Upload
        && Length is > 0 and <= LongestLength
        && Rate is >= 1024 and <= 1 << 30;
}

/// <summary>Sends and checks the stream of a request.</summary>
internal static class TransferStream
{
    private const int Chunk = 16 * 1024;

    /// <summary>
    /// Sends everything, or until it is enough, at the rate asked for; what an outage held up is sent as fast as the way takes it.
    /// </summary>
    public static void Send(Socket socket, Flow flow)
    {
        var request = flow.Request;
        var chunk = new byte[Chunk];
        var start = Pacing.Now;
        long sent = 0;
        while (sent < request.Length && !flow.IsEnough)
        {
            var length = (int)Math.Min(Chunk, request.Length - sent);
            TransferContent.Fill(chunk.AsSpan(0, length), request.Seed, sent);
            Pacing.WaitUntil(start + (long)(sent * 1e9 / request.Rate));
            for (var done = 0; done < length; )
                done += socket.Send(chunk.AsSpan(done, length - done));
            sent += length;
        }
        flow.FinalLength = sent;
        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Receives and checks until the end, the first wrong byte or an early end.</summary>
    public static void Receive(Socket socket, Flow flow)
    {
        var request = flow.Request;
        var buffer = new byte[4 * Chunk];
        long offset = 0;
        while (true)
        {
            var length = socket.Receive(buffer);
            if (length == 0)
            {
                if (offset != flow.FinalLength)
                    flow.Arrivals.Fail($"the stream ended after {offset} bytes");
                return;
            }
            var wrong = TransferContent.FirstWrong(buffer.AsSpan(0, length), request.Seed, offset);
            if (wrong >= 0)
            {
                flow.Arrivals.Fail($"byte {wrong} is wrong");
                return;
            }
            offset += length;
            flow.Arrivals.Add(length);
        }
    }
}
