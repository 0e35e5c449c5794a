namespace Redoubt.Core.StateSync;

/// <summary>What the kernel does with the translation of a flow that was expected (CTA_EXPECT_FN), by the kernel's names.</summary>
public enum ExpectedFunction : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>"nat-follow-master": as the master is translated.</summary>
    FollowMaster,

    /// <summary>"sip".</summary>
    Sip,

    /// <summary>"Q.931".</summary>
    Q931,

    /// <summary>"callforwarding".</summary>
    CallForwarding,
}

/// <summary>
/// A flow that a helper expects because another one announced it (kernel: struct nf_conntrack_expect): the data connection of FTP. A value.
/// </summary>
public readonly record struct ExpectedFlow
{
    /// <summary>Original tuple of the connection that announced it.</summary>
    public ConntrackTuple Master { get; init; }

    /// <summary>First packet of the flow; what <see cref="MaskSource"/> and <see cref="MaskPort"/> leave out of its source may be anything.</summary>
    public ConntrackTuple Tuple { get; init; }

    /// <summary>Bits of the source address that count.</summary>
    public IpAddressValue MaskSource { get; init; }

    /// <summary>Bits of the source port that count.</summary>
    public ushort MaskPort { get; init; }

    /// <summary>Seconds until nobody waits for it any more.</summary>
    public uint TimeoutSeconds { get; init; }

    /// <summary>NF_CT_EXPECT_*: 1 permanent, 2 inactive.</summary>
    public uint Flags { get; init; }

    /// <summary>Class within the helper.</summary>
    public byte Class { get; init; }

    /// <summary>The helper that reads the expected flow, and whose expectation it is.</summary>
    public HelperName Helper { get; init; }

    /// <summary>True where <see cref="NatAddress"/> and <see cref="NatPort"/> are set.</summary>
    public bool HasNat { get; init; }

    /// <summary>Direction the translation is for: 0 original, 1 reply.</summary>
    public byte NatDirection { get; init; }

    /// <summary>The address before the master's translation.</summary>
    public IpAddressValue NatAddress { get; init; }

    /// <summary>The port before the master's translation.</summary>
    public ushort NatPort { get; init; }

    /// <summary>How it is translated.</summary>
    public ExpectedFunction Function { get; init; }
}
