using System.Buffers.Binary;

namespace Redoubt.Core.Carp;

/// <summary>A checked view of one advertisement.</summary>
/// <remarks>
/// <code>
///  0        1     2        3        4       5        6..7      8..15    16..35
///  ver|type vhid  advskew  authlen  demote  advbase  checksum  counter  HMAC-SHA1
/// </code>
/// Numbers are big endian. The digest covers version, type, vhid, addresses and counter, not advskew, demote or advbase
/// (carp.md section 1.1). The checksum covers these 36 bytes and no pseudo header, in both families.
/// </remarks>
public readonly ref struct CarpAdvertisement
{
    /// <summary>Bytes on the wire; bytes behind them are ignored.</summary>
    public const int Length = 36;

    /// <summary>Bytes of the digest.</summary>
    public const int DigestLength = 20;

    /// <summary>IP protocol number, shared with VRRP.</summary>
    public const byte Protocol = 112;

    /// <summary>advbase and advskew of an advertisement that resigns.</summary>
    public const byte Resigned = 255;

    private const byte VersionAndType = 0x21;
    private const byte AuthenticationWords = 7;
    private readonly ReadOnlySpan<byte> _bytes;

    private CarpAdvertisement(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Protocol version, the high nibble of the first byte.</summary>
    public byte Version => (byte)(_bytes[0] >> 4);

    /// <summary>Packet type, the low nibble; nobody checks it.</summary>
    public byte Type => (byte)(_bytes[0] & 0xf);

    /// <summary>Virtual host id.</summary>
    public byte Vhid => _bytes[1];

    /// <summary>1/256 s.</summary>
    public byte AdvSkew => _bytes[2];

    /// <summary>32-bit words of counter and digest, 7; nobody checks it.</summary>
    public byte AuthenticationLength => _bytes[3];

    /// <summary>OpenBSD's demotion count of the sender.</summary>
    public byte Demotion => _bytes[4];

    /// <summary>Seconds.</summary>
    public byte AdvBase => _bytes[5];

    /// <summary>The checksum field.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_bytes[6..]);

    /// <summary>The counter under the digest.</summary>
    public ulong Counter => BinaryPrimitives.ReadUInt64BigEndian(_bytes[8..]);

    /// <summary>HMAC-SHA1.</summary>
    public ReadOnlySpan<byte> Digest => _bytes.Slice(16, DigestLength);

    /// <summary>True where the checksum is right.</summary>
    public bool ChecksumIsRight => InternetChecksum.Of(_bytes) == 0;

    /// <summary>True where the sender leaves the group.</summary>
    public bool IsResignation => AdvBase == Resigned && AdvSkew == Resigned;

    /// <summary>Views the first 36 bytes; false where there are fewer. Says nothing about version, checksum or digest.</summary>
    public static bool TryView(ReadOnlySpan<byte> bytes, out CarpAdvertisement advertisement)
    {
        advertisement = default;
        if (bytes.Length < Length)
            return false;
        advertisement = new CarpAdvertisement(bytes[..Length]);
        return true;
    }

    /// <summary>Writes 36 bytes with checksum.</summary>
    public static void Write(
        Span<byte> destination,
        byte vhid,
        byte advBase,
        byte advSkew,
        byte demotion,
        ulong counter,
        ReadOnlySpan<byte> digest
    )
    {
        destination[0] = VersionAndType;
        destination[1] = vhid;
        destination[2] = advSkew;
        destination[3] = AuthenticationWords;
        destination[4] = demotion;
        destination[5] = advBase;
        destination[6] = 0;
        destination[7] = 0;
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], counter);
        digest[..DigestLength].CopyTo(destination[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], InternetChecksum.Of(destination[..Length]));
    }
}
