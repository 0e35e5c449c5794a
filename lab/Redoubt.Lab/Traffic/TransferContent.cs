using System.Runtime.InteropServices;

namespace Redoubt.Lab.Traffic;

/// <summary>A stream whose every byte follows from its seed and its place: nothing has to be kept to check it.</summary>
internal static class TransferContent
{
    /// <summary>Writes the bytes that stand at an offset; the offset is a multiple of 8, and so is the length unless the stream ends.</summary>
    public static void Fill(Span<byte> bytes, ulong seed, long offset)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        var first = (ulong)offset / 8;
        for (var i = 0; i < words.Length; i++)
            words[i] = Word(seed, first + (ulong)i);
        for (var i = words.Length * 8; i < bytes.Length; i++)
            bytes[i] = At(seed, offset + i);
    }

    /// <summary>Where the first wrong byte stands, from the start of the stream; -1 where all are right.</summary>
    public static long FirstWrong(ReadOnlySpan<byte> bytes, ulong seed, long offset)
    {
        for (var i = 0; i < bytes.Length; )
        {
            // Whole words where the place allows it, single bytes at the edges.
            if (
                (offset + i) % 8 == 0
                && bytes.Length - i >= 8
                && MemoryMarshal.Read<ulong>(bytes[i..]) == Word(seed, (ulong)(offset + i) / 8)
            )
            {
                i += 8;
                continue;
            }
            if (bytes[i] != At(seed, offset + i))
                return offset + i;
            i++;
        }
        return -1;
    }

    private static byte At(ulong seed, long offset) => (byte)(Word(seed, (ulong)offset / 8) >> (int)(offset % 8 * 8));

    // SplitMix64 (Steele, Lea, Flood 2014): neighbours share nothing, so a shifted or repeated stretch is noticed.
    private static ulong Word(ulong seed, ulong index)
    {
        var z = seed + ((index + 1) * 0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }
}
