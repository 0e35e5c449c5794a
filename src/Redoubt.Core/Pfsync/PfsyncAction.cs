namespace Redoubt.Core.Pfsync;

/// <summary>
/// Actions of the `linux` format. The grammar is pfsync's (subheader, count, messages; OpenBSD's form that announces the message
/// size, so that a receiver skips what it does not know); the numbers start above those the BSDs use. 0x80 to 0x83 were states of 0.1 in another layout; they are not read any more.
/// </summary>
public enum PfsyncAction : byte
{
    /// <summary>No action.</summary>
    None = 0,

    /// <summary>IPv4 state whose reply mirrors the original. What the state is now: insert and update are one.</summary>
    State4 = 0xa0,

    /// <summary>IPv4 state with its own reply tuple (translated, or a protocol without mirrored ports).</summary>
    State4Nat = 0xa1,

    /// <summary>IPv6 state whose reply mirrors the original.</summary>
    State6 = 0xa2,

    /// <summary>IPv6 state with its own reply tuple.</summary>
    State6Nat = 0xa3,

    /// <summary>The owner's kernel destroyed this IPv4 state.</summary>
    Delete4 = 0x84,

    /// <summary>The owner's kernel destroyed this IPv6 state.</summary>
    Delete6 = 0x85,

    /// <summary>What do you know of this IPv4 state? Sent when a backup's own copy expired.</summary>
    Ask4 = 0x86,

    /// <summary>What do you know of this IPv6 state?</summary>
    Ask6 = 0x87,

    /// <summary>An expected IPv4 flow, behind the state that announced it: <see cref="LinuxExpectation"/>.</summary>
    Expect4 = 0xa8,

    /// <summary>An expected IPv6 flow.</summary>
    Expect6 = 0xa9,

    /// <summary>Sign of life, acknowledgement, challenge, clock: <see cref="PfsyncHello"/>.</summary>
    Hello = 0x90,

    /// <summary>Send all your states: request u32.</summary>
    BulkRequest = 0x91,

    /// <summary>The bulk begins: request u32, states expected u32.</summary>
    BulkStart = 0x92,

    /// <summary>The bulk is complete: request u32, states sent u32.</summary>
    BulkEnd = 0x93,

    /// <summary>Send these datagrams again: first u64, last u64.</summary>
    Resend = 0x94,

    /// <summary>Datagrams before this number are not kept any more: first kept u64.</summary>
    ResendMiss = 0x95,

    /// <summary>Digests of a part of the sender's table: <see cref="PfsyncDigest"/>.</summary>
    DigestSums = 0x96,

    /// <summary>Which of these parts differ, and are to be told of in detail.</summary>
    DigestWant = 0x97,

    /// <summary>Digests of the single states of the parts wanted.</summary>
    DigestEntries = 0x98,

    /// <summary>Which of those states the receiver of the digests does not have; ends the comparison.</summary>
    DigestMissing = 0x99,

    /// <summary>Compare your table with mine instead of sending all of it: request u32.</summary>
    CompareRequest = 0x9a,

    /// <summary>That comparison is over: request u32.</summary>
    CompareEnd = 0x9b,
}
