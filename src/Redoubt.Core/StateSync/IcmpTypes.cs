namespace Redoubt.Core.StateSync;

/// <summary>The pairs of types that connection tracking knows as question and answer (kernel: invmap of nf_conntrack_proto_icmp.c and _icmpv6.c).</summary>
internal static class IcmpTypes
{
    private const byte Icmp = 1;
    private const byte IcmpV6 = 58;

    /// <summary>The type of the other direction; null where there is none.</summary>
    public static byte? AnswerTo(byte protocol, byte type) =>
        (protocol, type) switch
        {
            (Icmp, 8) => 0,
            (Icmp, 0) => 8,
            (Icmp, 13 or 15 or 17) or (IcmpV6, 128 or 139) => (byte)(type + 1),
            (Icmp, 14 or 16 or 18) or (IcmpV6, 129 or 140) => (byte)(type - 1),
            _ => null,
        };
}
