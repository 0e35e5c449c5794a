using System.Buffers.Binary;
using System.Security.Cryptography;
using Redoubt.Core.Cluster;

namespace Redoubt.Core.Pfsync;

/// <summary>
/// Protects the datagrams between this node and one peer. Hellos that open a session carry an HMAC-SHA256 tag (they hold nothing secret and
/// need no nonce); everything within a session is sealed with AES-256-GCM. One owner, not thread safe. Allocates only where a key changes.
/// </summary>
/// <remarks><code>
/// hello:   header | sections | tag 16                          key id 1
/// session: header | sealed sections | number u64 | tag 16      key id 64 + generation mod 64
/// </code>The header is associated data. The number counts all that was sealed for the peer in this life and is never used twice: a datagram
/// that is sent again is sealed again. The session's keys come from the cluster secret and both nodes' boot epochs, one per direction and
/// generation, so a restart of either node leads to new keys.</remarks>
public sealed class PfsyncSeal : IDisposable
{
    /// <summary>Bytes that sealing adds at most.</summary>
    public const int Overhead = 24;

    /// <summary>Key id of what is not protected.</summary>
    public const byte PlainKey = 0;

    /// <summary>Key id of a hello outside of a session.</summary>
    public const byte HelloKey = 1;

    /// <summary>Datagrams sealed under one key at most.</summary>
    public const ulong KeyDatagrams = 1UL << 24;

    /// <summary>How long one key seals.</summary>
    public static readonly TimeSpan KeyLife = TimeSpan.FromHours(1);

    private const int TagLength = 16;
    private const int KeyIdAt = 30;
    private const byte SessionKeys = 64;
    private readonly ClusterSecret _secret;
    private readonly byte _node;
    private readonly ulong _epoch;
    private readonly byte[] _helloKey = new byte[32];
    private readonly ReplayWindow _window = new();
    private byte _theirNode;
    private ulong _theirEpoch;
    private AesGcm? _send;
    private uint _sendGeneration;
    private ulong _number;
    private ulong _rotateAt;
    private Instant _rotateAfter;
    private AesGcm? _previous;
    private AesGcm? _current;
    private AesGcm? _next;
    private uint _generation;
    private readonly ulong _keyDatagrams;

    /// <summary>A seal that knows no session yet.</summary>
    /// <param name="secret">What all nodes of the cluster share.</param>
    /// <param name="node">This node's number.</param>
    /// <param name="epoch">This life's epoch: drawn at random at its start.</param>
    /// <param name="keyDatagrams">Datagrams sealed under one key at most.</param>
    public PfsyncSeal(ClusterSecret secret, byte node, ulong epoch, ulong keyDatagrams = KeyDatagrams)
    {
        (_secret, _node, _epoch, _keyDatagrams) = (secret, node, epoch, keyDatagrams);
        secret.Derive("redoubt sync hello 1", [], _helloKey);
    }

    /// <summary>The key id a datagram names, <see cref="PlainKey"/> where it is too short for one.</summary>
    public static byte KeyIdOf(ReadOnlySpan<byte> datagram) => datagram.Length > KeyIdAt ? datagram[KeyIdAt] : PlainKey;

    /// <summary>The datagram says of itself that it is not protected.</summary>
    public static bool IsPlain(ReadOnlySpan<byte> datagram) => KeyIdOf(datagram) == PlainKey;

    /// <summary>Keys for a session with this life of the peer exist.</summary>
    public bool HasSession => _send is not null;

    /// <summary>Makes the keys for a session with a proven life of the peer. Nothing changes where it has them.</summary>
    public void Begin(byte theirNode, ulong theirEpoch, Instant now)
    {
        if (HasSession && theirNode == _theirNode && theirEpoch == _theirEpoch)
            return;
        End();
        (_theirNode, _theirEpoch) = (theirNode, theirEpoch);
        _window.Clear();
        _sendGeneration = _generation = 0;
        _send = Key(isOurs: true, 0);
        _current = Key(isOurs: false, 0);
        _next = Key(isOurs: false, 1);
        Schedule(now);
    }

    /// <summary>Writes the protected form of a hello that belongs to no session; returns its length.</summary>
    public int SealHello(ReadOnlySpan<byte> plain, Span<byte> sealedBytes)
    {
        plain.CopyTo(sealedBytes);
        sealedBytes[KeyIdAt] = HelloKey;
        Span<byte> tag = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_helloKey, sealedBytes[..plain.Length], tag);
        tag[..TagLength].CopyTo(sealedBytes[plain.Length..]);
        return plain.Length + TagLength;
    }

    /// <summary>Writes the sealed form of a datagram of the session; returns its length. The caller has begun one.</summary>
    public int Seal(Instant now, ReadOnlySpan<byte> plain, Span<byte> sealedBytes)
    {
        if (_number >= _rotateAt || now >= _rotateAfter)
        {
            _send!.Dispose();
            _send = Key(isOurs: true, ++_sendGeneration);
            Schedule(now);
        }
        plain[..PfsyncHeader.Length].CopyTo(sealedBytes);
        sealedBytes[KeyIdAt] = IdOf(_sendGeneration);
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(nonce[4..], ++_number);
        nonce[4..].CopyTo(sealedBytes[plain.Length..]);
        _send!.Encrypt(
            nonce,
            plain[PfsyncHeader.Length..],
            sealedBytes[PfsyncHeader.Length..plain.Length],
            sealedBytes.Slice(plain.Length + 8, TagLength),
            sealedBytes[..PfsyncHeader.Length]
        );
        return plain.Length + Overhead;
    }

    /// <summary>Opens a datagram into <paramref name="plain"/>; answers why it was refused, or None. What is refused changes nothing.</summary>
    public PfsyncRejection Open(ReadOnlySpan<byte> datagram, Span<byte> plain, out int length)
    {
        length = 0;
        if (datagram.Length < PfsyncHeader.Length)
            return PfsyncRejection.TooShort;
        var id = datagram[KeyIdAt];
        if (id == PlainKey)
            return PfsyncRejection.NotEncrypted;
        if (id == HelloKey)
            return OpenHello(datagram, plain, out length);
        if (datagram.Length < PfsyncHeader.Length + Overhead)
            return PfsyncRejection.TooShort;
        if (!HasSession)
            return PfsyncRejection.BadSession;
        var isNext = id == IdOf(_generation + 1);
        var key =
            id == IdOf(_generation) ? _current
            : isNext ? _next
            : _generation > 0 && id == IdOf(_generation - 1) ? _previous
            : null;
        if (key is null)
            return PfsyncRejection.BadSeal;
        var end = datagram.Length - Overhead;
        var number = BinaryPrimitives.ReadUInt64BigEndian(datagram[end..]);
        if (!_window.IsNew(number))
            return PfsyncRejection.Duplicate;
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        datagram.Slice(end, 8).CopyTo(nonce[4..]);
        if (!TryDecrypt(key, nonce, datagram, end, plain))
            return PfsyncRejection.BadSeal;
        datagram[..PfsyncHeader.Length].CopyTo(plain);
        length = end;
        _window.Take(number);
        if (isNext)
            Advance();
        return PfsyncRejection.None;
    }

    /// <inheritdoc />
    public void Dispose() => End();

    private PfsyncRejection OpenHello(ReadOnlySpan<byte> datagram, Span<byte> plain, out int length)
    {
        length = 0;
        if (datagram.Length < PfsyncHeader.Length + TagLength)
            return PfsyncRejection.TooShort;
        var end = datagram.Length - TagLength;
        Span<byte> tag = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_helloKey, datagram[..end], tag);
        if (!CryptographicOperations.FixedTimeEquals(tag[..TagLength], datagram[end..]))
            return PfsyncRejection.BadSeal;
        datagram[..end].CopyTo(plain);
        length = end;
        return PfsyncRejection.None;
    }

    // The runtime tells a wrong tag by an exception; a flood of forgeries costs that much and no more.
    private static bool TryDecrypt(AesGcm key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> datagram, int end, Span<byte> plain)
    {
        try
        {
            key.Decrypt(
                nonce,
                datagram[PfsyncHeader.Length..end],
                datagram.Slice(end + 8, TagLength),
                plain[PfsyncHeader.Length..end],
                datagram[..PfsyncHeader.Length]
            );
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private void Advance()
    {
        _previous?.Dispose();
        (_previous, _current) = (_current, _next);
        _next = Key(isOurs: false, ++_generation + 1);
    }

    private void Schedule(Instant now) => (_rotateAt, _rotateAfter) = (_number + _keyDatagrams, now + KeyLife);

    private static byte IdOf(uint generation) => (byte)(SessionKeys + (generation % SessionKeys));

    private AesGcm Key(bool isOurs, uint generation)
    {
        Span<byte> salt = stackalloc byte[22];
        var (node, epoch, otherNode, otherEpoch) = isOurs
            ? (_node, _epoch, _theirNode, _theirEpoch)
            : (_theirNode, _theirEpoch, _node, _epoch);
        salt[0] = node;
        salt[1] = otherNode;
        BinaryPrimitives.WriteUInt64BigEndian(salt[2..], epoch);
        BinaryPrimitives.WriteUInt64BigEndian(salt[10..], otherEpoch);
        BinaryPrimitives.WriteUInt32BigEndian(salt[18..], generation);
        Span<byte> key = stackalloc byte[32];
        _secret.Derive("redoubt sync session 1", salt, key);
        var made = new AesGcm(key, TagLength);
        CryptographicOperations.ZeroMemory(key);
        return made;
    }

    private void End()
    {
        _send?.Dispose();
        _previous?.Dispose();
        _current?.Dispose();
        _next?.Dispose();
        _send = _previous = _current = _next = null;
    }
}
