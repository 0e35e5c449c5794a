using System.Runtime.InteropServices;

namespace Redoubt.Cli;

/// <summary>Nobody reads our output any more.</summary>
public sealed class ClosedPipeException : IOException;

/// <summary>
/// Standard output that tells when its reader has gone. The framework's console stream keeps that to itself, and a follow would
/// run on for nobody; its file stream writes at an offset of its own and so over the output of others that share the file.
/// </summary>
internal sealed unsafe partial class StandardOutput : Stream
{
    private const int Interrupted = 4; // EINTR
    private const int TryAgain = 11; // EAGAIN: the descriptor is shared with somebody who made it non-blocking
    private const int BrokenPipe = 32; // EPIPE
    private bool _closed;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty && !_closed)
        {
            nint written;
            fixed (byte* bytes = buffer)
                written = WriteTo(1, bytes, (nuint)buffer.Length);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }
            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case TryAgain:
                    Thread.Sleep(5);
                    break;
                case BrokenPipe:
                    _closed = true; // what is left in buffers above goes nowhere, silently
                    throw new ClosedPipeException();
                case var error:
                    _closed = true;
                    throw new IOException($"standard output: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int descriptor, byte* buffer, nuint length);
}
