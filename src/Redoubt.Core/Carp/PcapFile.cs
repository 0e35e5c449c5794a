using System.Buffers.Binary;

namespace Redoubt.Core.Carp;

/// <summary>Walks the packets of a classic pcap file that is in memory. A damaged record ends the walk.</summary>
/// <remarks>24-byte file header, then records of 16 bytes and the packet; both byte orders, microseconds and nanoseconds.</remarks>
public ref struct PcapFile
{
    /// <summary>Most bytes a packet may have; tcpdump's own limit.</summary>
    public const int PacketLimit = 262_144;

    /// <summary>LINKTYPE_ETHERNET.</summary>
    public const uint LinkEthernet = 1;

    private const int HeaderLength = 24;
    private const int RecordLength = 16;
    private readonly ReadOnlySpan<byte> _file;
    private readonly bool _bigEndian;
    private readonly bool _nanoseconds;
    private int _at;

    private PcapFile(ReadOnlySpan<byte> file, bool bigEndian, bool nanoseconds)
    {
        _file = file;
        _bigEndian = bigEndian;
        _nanoseconds = nanoseconds;
        _at = HeaderLength;
        LinkType = Number(20) & 0xffff;
    }

    /// <summary>LINKTYPE_* of every packet: 1 Ethernet, 101 IP.</summary>
    public uint LinkType { get; }

    /// <summary>The packet at which the walk stands.</summary>
    public ReadOnlySpan<byte> Packet { get; private set; }

    /// <summary>Its time, nanoseconds since 1970.</summary>
    public long Nanoseconds { get; private set; }

    /// <summary>True where the walk ended before the file did: cut short or damaged.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Opens a file; false where it is no classic pcap.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> file, out PcapFile pcap)
    {
        pcap = default;
        if (file.Length < HeaderLength)
            return false;
        switch (BinaryPrimitives.ReadUInt32BigEndian(file))
        {
            case 0xa1b2_c3d4:
                pcap = new PcapFile(file, bigEndian: true, nanoseconds: false);
                return true;
            case 0xa1b2_3c4d:
                pcap = new PcapFile(file, bigEndian: true, nanoseconds: true);
                return true;
            case 0xd4c3_b2a1:
                pcap = new PcapFile(file, bigEndian: false, nanoseconds: false);
                return true;
            case 0x4d3c_b2a1:
                pcap = new PcapFile(file, bigEndian: false, nanoseconds: true);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Steps to the next packet.</summary>
    public bool MoveNext()
    {
        if (IsDamaged || _at == _file.Length)
            return false;
        if (_file.Length - _at < RecordLength)
        {
            IsDamaged = true;
            return false;
        }
        var length = Number(_at + 8);
        if (length > PacketLimit || length > _file.Length - _at - RecordLength)
        {
            IsDamaged = true;
            return false;
        }
        Nanoseconds = (Number(_at) * 1_000_000_000L) + (Number(_at + 4) * (_nanoseconds ? 1L : 1000L));
        Packet = _file.Slice(_at + RecordLength, (int)length);
        _at += RecordLength + (int)length;
        return true;
    }

    private readonly uint Number(int at) =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(_file[at..]) : BinaryPrimitives.ReadUInt32LittleEndian(_file[at..]);
}
