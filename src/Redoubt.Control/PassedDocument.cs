using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Control;

/// <summary>A document that goes over the control socket as a descriptor: memory without a name (memfd_create(2)), sealed against changes.</summary>
public static partial class PassedDocument
{
    /// <summary>Bytes of a document.</summary>
    public const int MaxLength = 64 << 20;

    private const uint MfdCloexec = 1;
    private const uint MfdAllowSealing = 2;
    private const int FAddSeals = 1033;

    // F_SEAL_SEAL, SHRINK, GROW, WRITE
    private const int AllSeals = 1 | 2 | 4 | 8;

    /// <summary>Makes one of these bytes. Throws <see cref="IOException"/> where there is no memory for it.</summary>
    public static SafeFileHandle Create(ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxLength)
            throw new IOException($"a document of {content.Length} bytes is larger than {MaxLength}");
        var handle = MemfdCreate("redoubt-document", MfdCloexec | MfdAllowSealing);
        try
        {
            if (handle.IsInvalid)
                throw new IOException($"memfd_create: {Marshal.GetLastPInvokeErrorMessage()}");
            RandomAccess.Write(handle, content, 0);
            if (Fcntl(handle, FAddSeals, AllSeals) < 0)
                throw new IOException($"F_ADD_SEALS: {Marshal.GetLastPInvokeErrorMessage()}");
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads all of one that came from the other end; null where it is not a file, or larger than a document may be.</summary>
    public static byte[]? Read(SafeFileHandle handle)
    {
        try
        {
            var length = RandomAccess.GetLength(handle);
            if (length is < 0 or > MaxLength)
                return null;
            var content = new byte[length];
            var filled = 0;
            while (filled < content.Length)
            {
                var read = RandomAccess.Read(handle, content.AsSpan(filled), filled);
                if (read == 0)
                    return null; // it shrank
                filled += read;
            }
            return content;
        }
        catch (Exception e) when (e is IOException or NotSupportedException or UnauthorizedAccessException)
        {
            return null; // a pipe, a socket, a directory
        }
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(SafeFileHandle handle, int command, int argument);
}
