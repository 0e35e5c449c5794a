using System.Runtime.InteropServices;

namespace Redoubt.Linux.Interop;

/// <summary>crypt_r(3) of libxcrypt, which every Linux login uses: $2b$, $2y$ (bcrypt), $6$ (SHA-512), $y$ (yescrypt). Decides nothing.</summary>
internal static unsafe partial class LibCrypt
{
    // struct crypt_data: 32768 bytes in libxcrypt, about 128 KiB in the C library's own of old.
    private const int DataLength = 256 << 10;

    /// <summary>The hash of a password with the salt and cost of <paramref name="setting"/>; null where the library knows no such setting.</summary>
    public static string? Hash(ReadOnlySpan<byte> password, string setting)
    {
        var key = new byte[password.Length + 1];
        password.CopyTo(key);
        var data = (byte*)NativeMemory.AllocZeroed(DataLength);
        try
        {
            fixed (byte* k = key)
            {
                var result = Marshal.PtrToStringUTF8((nint)CryptR(k, setting, data));
                return result is null || result.StartsWith('*') ? null : result;
            }
        }
        finally
        {
            new Span<byte>(data, DataLength).Clear();
            NativeMemory.Free(data);
            Array.Clear(key);
        }
    }

    [LibraryImport("libcrypt.so.1", EntryPoint = "crypt_r", StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte* CryptR(byte* key, string setting, byte* data);
}
