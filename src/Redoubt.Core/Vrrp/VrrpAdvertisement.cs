using System.Buffers.Binary;

namespace Redoubt.Core.Vrrp;

/// <summary>A checked view of a VRRP advertisement of version 2 or 3.</summary>
/// <remarks>
/// <code>
///  0        1     2         3       4..5                              6..7      8..
///  ver|type vrid  priority  count   v2: auth type, interval in s      checksum  count addresses, 4 or 16 bytes each
///                                   v3: 4 bits, interval in 1/100 s             v2: and 8 bytes of authentication
/// </code>
/// Numbers are big endian (carp.md section 12.1).
/// </remarks>
public readonly ref struct VrrpAdvertisement
{
    /// <summary>Authentication type of a clear-text password.</summary>
    public const byte PasswordAuthentication = 1;

    /// <summary>The only type: an advertisement.</summary>
    public const byte AdvertisementType = 1;

    private const int HeaderLength = 8;
    private const int AuthenticationLength = 8;
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly bool _ipv6;

    private VrrpAdvertisement(ReadOnlySpan<byte> bytes, bool ipv6)
    {
        _bytes = bytes;
        _ipv6 = ipv6;
    }

    /// <summary>2 or 3.</summary>
    public byte Version => (byte)(_bytes[0] >> 4);

    /// <summary>1 is an advertisement.</summary>
    public byte Type => (byte)(_bytes[0] & 0xf);

    /// <summary>Virtual router id.</summary>
    public byte Vrid => _bytes[1];

    /// <summary>0: the master leaves; 255: it owns the addresses.</summary>
    public byte Priority => _bytes[2];

    /// <summary>Number of addresses.</summary>
    public byte AddressCount => _bytes[3];

    /// <summary>Version 2: 0 none, 1 password, 2 authentication header. Version 3: 0.</summary>
    public byte AuthenticationType => Version == 2 ? _bytes[4] : (byte)0;

    /// <summary>Time between advertisements.</summary>
    public TimeSpan Interval =>
        Version == 2
            ? TimeSpan.FromSeconds(_bytes[5])
            : TimeSpan.FromMilliseconds(10 * (BinaryPrimitives.ReadUInt16BigEndian(_bytes[4..]) & 0xfff));

    /// <summary>Version 3: the four bits before the interval, 0 by the standard and not looked at. Version 2: 0.</summary>
    public byte Reserved => Version == 2 ? (byte)0 : (byte)(_bytes[4] >> 4);

    /// <summary>The checksum field.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_bytes[6..]);

    /// <summary>Version 2: eight bytes of authentication. Version 3: none.</summary>
    public ReadOnlySpan<byte> AuthenticationData => Version == 2 ? _bytes[^AuthenticationLength..] : default;

    /// <summary>The address at an index below <see cref="AddressCount"/>.</summary>
    public IpAddressValue Address(int index)
    {
        var size = _ipv6 ? 16 : 4;
        return IpAddressValue.Read(_bytes.Slice(HeaderLength + (index * size), size));
    }

    /// <summary>True where the checksum is right: version 3 covers the pseudo header, version 2 does not.</summary>
    public bool ChecksumIsRight(IpAddressValue source, IpAddressValue destination) =>
        Version == 2
            ? InternetChecksum.Of(_bytes) == 0
            : InternetChecksum.Finish(
                InternetChecksum.Add(InternetChecksum.PseudoHeader(_ipv6, source, destination, _bytes.Length, 112), _bytes)
            ) == 0;

    /// <summary>True where the checksum is right without a pseudo header, as some vendors send version 3 on IPv4.</summary>
    public bool ChecksumIsRightWithoutPseudoHeader => InternetChecksum.Of(_bytes) == 0;

    /// <summary>Bytes of a version 2 message with that many addresses.</summary>
    public static int Version2Length(byte addresses) => HeaderLength + (4 * addresses) + AuthenticationLength;

    /// <summary>Bytes of a version 3 message with that many addresses.</summary>
    public static int Version3Length(byte addresses, bool ipv6) => HeaderLength + ((ipv6 ? 16 : 4) * addresses);

    /// <summary>Views a message of exactly the length its version and address count ask for.</summary>
    public static bool TryView(ReadOnlySpan<byte> bytes, bool ipv6, out VrrpAdvertisement advertisement)
    {
        advertisement = default;
        if (bytes.Length < HeaderLength)
            return false;
        var expected = (bytes[0] >> 4) switch
        {
            2 when !ipv6 => Version2Length(bytes[3]),
            3 => Version3Length(bytes[3], ipv6),
            _ => -1,
        };
        if (bytes.Length != expected)
            return false;
        advertisement = new VrrpAdvertisement(bytes, ipv6);
        return true;
    }

    /// <summary>Writes a message with its checksum and returns its length.</summary>
    internal static int Write(
        Span<byte> message,
        VrrpHostOptions options,
        byte priority,
        ReadOnlySpan<IpAddressValue> addresses,
        ReadOnlySpan<byte> password,
        IpAddressValue source,
        IpAddressValue destination
    )
    {
        var (ipv6, count) = (options.IsIPv6, (byte)addresses.Length);
        var length = options.Version == 2 ? Version2Length(count) : Version3Length(count, ipv6);
        message = message[..length];
        message[0] = (byte)((options.Version << 4) | AdvertisementType);
        message[1] = options.Vrid;
        message[2] = priority;
        message[3] = count;
        if (options.Version == 2)
        {
            message[4] = options.Password.Length > 0 ? PasswordAuthentication : (byte)0;
            message[5] = (byte)options.Interval.TotalSeconds;
            password[..AuthenticationLength].CopyTo(message[^AuthenticationLength..]);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(message[4..], (ushort)(options.Interval.Ticks / (TimeSpan.TicksPerMillisecond * 10)));
        }
        message[6..8].Clear();
        var size = ipv6 ? 16 : 4;
        for (var i = 0; i < count; i++)
            addresses[i].Write(message.Slice(HeaderLength + (i * size), size));
        var plain = options.Version == 2 || (options.Checksum == VrrpChecksum.WithoutPseudoHeader && !ipv6);
        var pseudo = plain ? 0 : InternetChecksum.PseudoHeader(ipv6, source, destination, length, Carp.CarpAdvertisement.Protocol);
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], InternetChecksum.Finish(InternetChecksum.Add(pseudo, message)));
        return length;
    }
}
