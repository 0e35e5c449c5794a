namespace Redoubt.Core.Pfsync;

/// <summary>
/// The one place every datagram passes on its way out and in. Today it changes nothing; encryption comes here: the header is the
/// associated data, epoch, stream and sequence number make the nonce, and <see cref="PfsyncLimits.TagReserve"/> bytes are free for the tag.
/// </summary>
public static class PfsyncSeal
{
    /// <summary>Seals the first <paramref name="length"/> bytes in place; returns the length to send.</summary>
    public static int Seal(Span<byte> buffer, int length)
    {
        _ = buffer;
        return length;
    }

    /// <summary>Opens a received datagram in place; false when the tag is wrong.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> datagram, out ReadOnlySpan<byte> content)
    {
        content = datagram;
        return true;
    }
}
