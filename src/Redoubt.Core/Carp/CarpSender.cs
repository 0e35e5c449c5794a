namespace Redoubt.Core.Carp;

/// <summary>Who sent an authenticated advertisement, as the heartbeats tell.</summary>
public enum CarpSender
{
    /// <summary>Somebody without heartbeats: CARP's rules decide.</summary>
    Foreign,

    /// <summary>A Redoubt node that lives by its heartbeats: those decide, and the advertisement changes nothing.</summary>
    Peer,

    /// <summary>Nobody who may speak: it counts as <see cref="CarpRejection.Replayed"/>.</summary>
    Refused,
}

/// <summary>
/// Judges the sender of an advertisement whose digest is right. <paramref name="isFresh"/>: the counter is higher than any seen from this source; the digest covers the
/// counter, so a recording can not have that. <paramref name="resigns"/>: it says that its sender is master no more.
/// </summary>
public delegate CarpSender CarpSenderJudge(bool ipv6, IpAddressValue source, bool isFresh, bool resigns);
