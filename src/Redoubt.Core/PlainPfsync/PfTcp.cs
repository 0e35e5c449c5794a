namespace Redoubt.Core.PlainPfsync;

/// <summary>
/// Progress of a TCP connection in the words of pf (a state for each peer, as netstat numbers them) and of nf_conntrack (one for both). pf: 2 SYN seen, 4
/// its SYN acknowledged, 7 FIN seen, 9 its FIN acknowledged, 10 reset.
/// </summary>
internal static class PfTcp
{
    private const byte SynSent = 2;
    private const byte Established = 4;
    private const byte Closing = 7;
    private const byte FinWait2 = 9;
    private const byte TimeWait = 10;

    /// <summary>IP_CT_TCP_FLAG_CLOSE_INIT: this direction closed first.</summary>
    public const byte FlagCloseInit = 0x04;

    /// <summary>The two peers' states for a state of enum tcp_conntrack; the one that closed first is the responder where <paramref name="responderCloses"/>.</summary>
    public static (byte Source, byte Destination) ToPf(byte conntrack, bool responderCloses)
    {
        (byte closer, byte other) = conntrack switch
        {
            4 => (Closing, Established), // FIN_WAIT
            5 => (FinWait2, Established), // CLOSE_WAIT
            6 => (FinWait2, Closing), // LAST_ACK
            _ => ((byte)0, (byte)0),
        };
        if (closer != 0)
            return responderCloses ? (other, closer) : (closer, other);
        return conntrack switch
        {
            2 => (Established, SynSent), // SYN_RECV
            3 => (Established, Established),
            7 => (FinWait2, FinWait2), // TIME_WAIT
            8 => (TimeWait, TimeWait), // CLOSE
            9 => (SynSent, SynSent), // SYN_SENT2
            _ => (SynSent, (byte)0), // SYN_SENT
        };
    }

    /// <summary>The state of enum tcp_conntrack for two peers' states.</summary>
    public static byte ToConntrack(byte source, byte destination)
    {
        var (low, high) = source < destination ? (source, destination) : (destination, source);
        if (high >= TimeWait)
            return 8; // CLOSE
        if (low >= FinWait2)
            return 7; // TIME_WAIT
        if (low >= Closing)
            return 6; // LAST_ACK
        if (high >= Closing)
            return high == FinWait2 ? (byte)5 : (byte)4; // CLOSE_WAIT, FIN_WAIT
        if (low >= Established)
            return 3;
        if (high >= Established)
            return 2; // SYN_RECV
        return low >= SynSent ? (byte)9 : (byte)1; // SYN_SENT2, SYN_SENT
    }

    /// <summary>Whether the responder closed first.</summary>
    public static bool ResponderCloses(byte source, byte destination) => destination >= Closing && destination > source;
}
