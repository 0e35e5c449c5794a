using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Control;

/// <summary>Bytes over a Unix socket, with a descriptor beside them (SCM_RIGHTS of unix(7)), which .NET does not offer.</summary>
public static partial class PassedDescriptors
{
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int MsgDontWait = 0x40;
    private const int MsgNoSignal = 0x4000;
    private const int MsgCmsgCloexec = 0x40000000;
    private const int EAgain = 11;
    private const int EIntr = 4;

    // struct cmsghdr: a size_t, two ints; data follow. A control buffer with room for four: surplus ones are closed, not left open.
    private const int HeaderLength = 16;
    private const int MostReceived = 4;
    private const int ControlLength = HeaderLength + (MostReceived * sizeof(int));

    /// <summary>Sends all of <paramref name="bytes"/>; the descriptor goes with the first of them.</summary>
    public static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes, SafeHandle? descriptor, CancellationToken cancel)
    {
        while (descriptor is not null && bytes.Length > 0)
        {
            var sent = Send(socket, bytes.Span, descriptor);
            if (sent == -EAgain)
            {
                // The peer reads slowly; a line with a descriptor is short, so this is rare.
                cancel.ThrowIfCancellationRequested();
                await Task.Run(() => socket.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectWrite), cancel).ConfigureAwait(false);
                continue;
            }
            if (sent < 0)
                throw new SocketException(-sent);
            bytes = bytes[sent..];
            descriptor = null;
        }
        while (bytes.Length > 0)
            bytes = bytes[await socket.SendAsync(bytes, cancel).ConfigureAwait(false)..];
    }

    /// <summary>Receives some bytes, 0 at the end, and the descriptor that came with them; the receiver disposes of it.</summary>
    public static async ValueTask<(int Bytes, SafeFileHandle? Descriptor)> ReceiveAsync(
        Socket socket,
        Memory<byte> buffer,
        CancellationToken cancel
    )
    {
        while (true)
        {
            // Waits until there is something, takes nothing.
            await socket.ReceiveAsync(Memory<byte>.Empty, cancel).ConfigureAwait(false);
            var received = Receive(socket, buffer.Span, out var descriptor);
            if (received == -EAgain)
                continue;
            return received < 0 ? throw new SocketException(-received) : (received, descriptor);
        }
    }

    private static unsafe int Send(Socket socket, ReadOnlySpan<byte> bytes, SafeHandle descriptor)
    {
        var held = false;
        try
        {
            descriptor.DangerousAddRef(ref held);
            Span<byte> control = stackalloc byte[HeaderLength + 8];
            control.Clear();
            MemoryMarshal.Write(control, (nint)(HeaderLength + sizeof(int)));
            MemoryMarshal.Write(control[8..], SolSocket);
            MemoryMarshal.Write(control[12..], ScmRights);
            MemoryMarshal.Write(control[16..], (int)descriptor.DangerousGetHandle());
            fixed (byte* data = bytes)
            fixed (byte* ancillary = control)
            {
                var vector = new IoVector { Base = data, Length = bytes.Length };
                var message = new MessageHeader
                {
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = ancillary,
                    ControlLength = control.Length,
                };
                while (true)
                {
                    var sent = SendMessage(socket.SafeHandle, &message, MsgDontWait | MsgNoSignal);
                    if (sent >= 0)
                        return (int)sent;
                    var error = Marshal.GetLastPInvokeError();
                    if (error != EIntr)
                        return -error;
                }
            }
        }
        finally
        {
            if (held)
                descriptor.DangerousRelease();
        }
    }

    private static unsafe int Receive(Socket socket, Span<byte> bytes, out SafeFileHandle? descriptor)
    {
        descriptor = null;
        Span<byte> control = stackalloc byte[ControlLength];
        fixed (byte* data = bytes)
        fixed (byte* ancillary = control)
        {
            var vector = new IoVector { Base = data, Length = bytes.Length };
            var message = new MessageHeader
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = ancillary,
                ControlLength = control.Length,
            };
            nint received;
            while ((received = ReceiveMessage(socket.SafeHandle, &message, MsgDontWait | MsgCmsgCloexec)) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error != EIntr)
                    return -error;
            }
            descriptor = First(control[..(int)message.ControlLength]);
            return (int)received;
        }
    }

    // The first descriptor; all others are closed.
    private static SafeFileHandle? First(ReadOnlySpan<byte> control)
    {
        SafeFileHandle? first = null;
        while (control.Length >= HeaderLength)
        {
            var length = (int)MemoryMarshal.Read<nint>(control);
            if (length < HeaderLength || length > control.Length)
                break;
            if (MemoryMarshal.Read<int>(control[8..]) == SolSocket && MemoryMarshal.Read<int>(control[12..]) == ScmRights)
            {
                for (var at = HeaderLength; at + sizeof(int) <= length; at += sizeof(int))
                {
                    var handle = new SafeFileHandle(MemoryMarshal.Read<int>(control[at..]), ownsHandle: true);
                    if (first is null)
                        first = handle;
                    else
                        handle.Dispose();
                }
            }
            control = control[Math.Min((length + 7) & ~7, control.Length)..];
        }
        return first;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static unsafe partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static unsafe partial nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    // struct iovec and struct msghdr of a 64-bit Linux
    private unsafe struct IoVector
    {
        public byte* Base;
        public nint Length;
    }

    private unsafe struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nint VectorCount;
        public byte* Control;
        public nint ControlLength;
        public int Flags;
    }
}
