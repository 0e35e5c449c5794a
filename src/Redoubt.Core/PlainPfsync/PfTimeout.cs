namespace Redoubt.Core.PlainPfsync;

/// <summary>pf's timeout classes (PFTM) and their default seconds.</summary>
internal static class PfTimeout
{
    public const byte TcpFirst = 0;
    public const byte TcpOpening = 1;
    public const byte TcpEstablished = 2;
    public const byte TcpClosing = 3;
    public const byte TcpFinWait = 4;
    public const byte TcpClosed = 5;
    public const byte UdpFirst = 6;
    public const byte IcmpFirst = 9;
    public const byte OtherFirst = 11;

    // tcp.first .. other.multiple
    private static readonly ushort[] _tail = [120, 30, 0, 900, 45, 90, 60, 30, 60, 20, 10, 60, 30, 60];

    /// <summary>How long a receiver with defaults keeps a state of this class from the last word about it.</summary>
    public static uint Seconds(byte timeoutClass) =>
        timeoutClass == TcpEstablished ? 86_400u
        : timeoutClass < _tail.Length ? _tail[timeoutClass]
        : 60u;

    /// <summary>Class of a TCP state by its two peers' states.</summary>
    public static byte OfTcp(byte source, byte destination) =>
        destination == 0 && source < 4 ? TcpFirst
        : source >= 9 && destination >= 9 ? TcpClosed
        : source >= 7 && destination >= 7 ? TcpFinWait
        : source < 4 || destination < 4 ? TcpOpening
        : source >= 7 || destination >= 7 ? TcpClosing
        : TcpEstablished;

    /// <summary>Class of a state whose peers count packets: first, then single until both sides sent twice.</summary>
    public static byte OfCounted(byte first, byte source, byte destination) =>
        destination == 0 ? first
        : source == 2 && destination == 2 ? (byte)(first + 2)
        : (byte)(first + 1);
}
