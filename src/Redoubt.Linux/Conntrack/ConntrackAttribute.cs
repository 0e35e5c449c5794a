namespace Redoubt.Linux.Conntrack;

/// <summary>Numbers of linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h under the kernel's names.</summary>
#pragma warning disable CA1707 // the kernel's own spelling, so that grep finds it in the headers
internal static class ConntrackAttribute
{
    public const ushort NFNL_SUBSYS_CTNETLINK = 1;
    public const ushort IPCTNL_MSG_CT_NEW = 0;
    public const ushort IPCTNL_MSG_CT_GET = 1;
    public const ushort IPCTNL_MSG_CT_DELETE = 2;
    public const ushort IPCTNL_MSG_CT_GET_STATS = 5;

    public const ushort NFNL_SUBSYS_CTNETLINK_EXP = 2;
    public const ushort IPCTNL_MSG_EXP_NEW = 0;
    public const ushort IPCTNL_MSG_EXP_DELETE = 2;

    public const int NFNLGRP_CONNTRACK_EXP_NEW = 4;
    public const int NFNLGRP_CONNTRACK_EXP_DESTROY = 6;

    public const ushort CTA_EXPECT_MASTER = 1;
    public const ushort CTA_EXPECT_TUPLE = 2;
    public const ushort CTA_EXPECT_MASK = 3;
    public const ushort CTA_EXPECT_TIMEOUT = 4;
    public const ushort CTA_EXPECT_HELP_NAME = 6;
    public const ushort CTA_EXPECT_ZONE = 7;
    public const ushort CTA_EXPECT_FLAGS = 8;
    public const ushort CTA_EXPECT_CLASS = 9;
    public const ushort CTA_EXPECT_NAT = 10;
    public const ushort CTA_EXPECT_FN = 11;
    public const ushort CTA_EXPECT_NAT_DIR = 1;
    public const ushort CTA_EXPECT_NAT_TUPLE = 2;

    public const int NFNLGRP_CONNTRACK_NEW = 1;
    public const int NFNLGRP_CONNTRACK_UPDATE = 2;
    public const int NFNLGRP_CONNTRACK_DESTROY = 3;

    public const ushort CTA_TUPLE_ORIG = 1;
    public const ushort CTA_TUPLE_REPLY = 2;
    public const ushort CTA_STATUS = 3;
    public const ushort CTA_PROTOINFO = 4;
    public const ushort CTA_HELP = 5;
    public const ushort CTA_NAT_SRC = 6;
    public const ushort CTA_TIMEOUT = 7;
    public const ushort CTA_MARK = 8;
    public const ushort CTA_ID = 12;
    public const ushort CTA_NAT_DST = 13;
    public const ushort CTA_SEQ_ADJ_ORIG = 15;
    public const ushort CTA_SEQ_ADJ_REPLY = 16;
    public const ushort CTA_ZONE = 18;
    public const ushort CTA_LABELS = 22;

    public const ushort CTA_HELP_NAME = 1;

    public const ushort CTA_SEQADJ_CORRECTION_POS = 1;
    public const ushort CTA_SEQADJ_OFFSET_BEFORE = 2;
    public const ushort CTA_SEQADJ_OFFSET_AFTER = 3;

    public const ushort CTA_TUPLE_IP = 1;
    public const ushort CTA_TUPLE_PROTO = 2;
    public const ushort CTA_TUPLE_ZONE = 3;

    public const ushort CTA_IP_V4_SRC = 1;
    public const ushort CTA_IP_V4_DST = 2;
    public const ushort CTA_IP_V6_SRC = 3;
    public const ushort CTA_IP_V6_DST = 4;

    public const ushort CTA_PROTO_NUM = 1;
    public const ushort CTA_PROTO_SRC_PORT = 2;
    public const ushort CTA_PROTO_DST_PORT = 3;
    public const ushort CTA_PROTO_ICMP_ID = 4;
    public const ushort CTA_PROTO_ICMP_TYPE = 5;
    public const ushort CTA_PROTO_ICMP_CODE = 6;
    public const ushort CTA_PROTO_ICMPV6_ID = 7;
    public const ushort CTA_PROTO_ICMPV6_TYPE = 8;
    public const ushort CTA_PROTO_ICMPV6_CODE = 9;

    public const ushort CTA_PROTOINFO_TCP = 1;
    public const ushort CTA_PROTOINFO_TCP_STATE = 1;
    public const ushort CTA_PROTOINFO_TCP_WSCALE_ORIGINAL = 2;
    public const ushort CTA_PROTOINFO_TCP_WSCALE_REPLY = 3;
    public const ushort CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
    public const ushort CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

    public const ushort CTA_PROTOINFO_SCTP = 3;
    public const ushort CTA_PROTOINFO_SCTP_STATE = 1;
    public const ushort CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
    public const ushort CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

    public const ushort CTA_NAT_V4_MINIP = 1;
    public const ushort CTA_NAT_V4_MAXIP = 2;
    public const ushort CTA_NAT_PROTO = 3;
    public const ushort CTA_NAT_V6_MINIP = 4;
    public const ushort CTA_NAT_V6_MAXIP = 5;
    public const ushort CTA_PROTONAT_PORT_MIN = 1;
    public const ushort CTA_PROTONAT_PORT_MAX = 2;

    public const ushort CTA_STATS_GLOBAL_ENTRIES = 1;

    public const byte IPPROTO_ICMP = 1;
    public const byte IPPROTO_TCP = 6;
    public const byte IPPROTO_UDP = 17;
    public const byte IPPROTO_DCCP = 33;
    public const byte IPPROTO_GRE = 47;
    public const byte IPPROTO_ICMPV6 = 58;
    public const byte IPPROTO_SCTP = 132;
    public const byte IPPROTO_UDPLITE = 136;

    public static ushort MessageType(ushort message) => (ushort)((NFNL_SUBSYS_CTNETLINK << 8) | message);
}
