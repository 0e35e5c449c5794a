namespace Redoubt.Core.Pfsync;

/// <summary>Why a pfsync packet, the rest of one, or one message was refused. The names of <see cref="PfRejectionText"/> are the counters'.</summary>
public enum PfRejection
{
    /// <summary>Accepted.</summary>
    None,

    /// <summary>TTL or hop limit is not 255: it passed a router.</summary>
    BadTtl,

    /// <summary>Fewer than the 20 bytes of the header.</summary>
    HeaderTruncated,

    /// <summary>Not the version of the configured format.</summary>
    BadVersion,

    /// <summary>The length in the header is below 20 or beyond the bytes present.</summary>
    HeaderLength,

    /// <summary>One to three bytes where a subheader should be.</summary>
    SubheaderTruncated,

    /// <summary>Count times size runs beyond the packet: that section is not applied at all, and nothing after it.</summary>
    MessageTruncated,

    /// <summary>v6: the announced size is smaller than the action needs; the section is skipped.</summary>
    MessageTooSmall,

    /// <summary>An unknown action that cannot be skipped: the rest is lost.</summary>
    UnknownAction,

    /// <summary>v5 INS_F or DEL_F, defined but never implemented: the rest is lost.</summary>
    UnimplementedAction,

    /// <summary>Bytes after the EOF section that the header counts; not read.</summary>
    DataAfterEof,

    /// <summary>Timeout class, peer state, direction or family out of range: that message is skipped.</summary>
    BadValue,

    /// <summary>The creator is 0: that message is skipped.</summary>
    BadCreator,

    /// <summary>An interface or tag name without a NUL: that message is skipped.</summary>
    BadIfname,

    /// <summary>Unicast: not from the configured peer.</summary>
    BadSource,
}

/// <summary>Reasons as words.</summary>
public static class PfRejectionText
{
    private static readonly string[] Texts =
    [
        "accepted",
        "bad-ttl",
        "header-truncated",
        "bad-version",
        "header-length",
        "subheader-truncated",
        "message-truncated",
        "message-too-small",
        "unknown-action",
        "unimplemented-action",
        "data-after-eof",
        "bad-value",
        "bad-creator",
        "bad-ifname",
        "bad-source",
    ];

    /// <summary>The name in counters and verdicts.</summary>
    public static string Text(this PfRejection rejection) => Texts[(int)rejection];

    /// <summary>Whether only one message or section was refused and the walk went on.</summary>
    public static bool IsPartial(this PfRejection rejection) =>
        rejection is PfRejection.MessageTooSmall or PfRejection.BadValue or PfRejection.BadCreator or PfRejection.BadIfname;
}
