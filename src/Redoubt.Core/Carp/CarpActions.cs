namespace Redoubt.Core.Carp;

/// <summary>
/// What a state machine asks of whoever drives it. Several at once are executed in this order: resign advertisement, release,
/// claim, advertise, announce.
/// </summary>
[Flags]
public enum CarpActions
{
    /// <summary>Nothing to do.</summary>
    None = 0,

    /// <summary>Stop holding the addresses.</summary>
    Release = 1,

    /// <summary>Hold the addresses.</summary>
    Claim = 2,

    /// <summary>Send gratuitous ARP and unsolicited neighbour advertisements for every address.</summary>
    Announce = 4,

    /// <summary>Send one advertisement per address family.</summary>
    Advertise = 8,

    /// <summary>Send one advertisement per family with advbase 255 and advskew 255: every backup takes over at once.</summary>
    Resign = 16,
}

/// <summary>The three states of a virtual host (carp.md section 6).</summary>
public enum CarpState
{
    /// <summary>Link down, disabled or without an address: takes no part.</summary>
    Init,

    /// <summary>Listens to the master.</summary>
    Backup,

    /// <summary>Holds the addresses.</summary>
    Master,
}

/// <summary>Whose rules of election and of the digest that is sent are followed.</summary>
public enum CarpFlavour
{
    /// <summary>FreeBSD, pfSense, OPNsense, NetBSD: demotion is added to advskew. The default.</summary>
    FreeBsd,

    /// <summary>OpenBSD: the demotion byte decides first; link-local addresses are left out of the digest that is sent.</summary>
    OpenBsd,

    /// <summary>ucarp: ties go to an address, a dead ratio other than 3 is possible, demotion is a switch.</summary>
    Ucarp,
}

/// <summary>Which of two equally fast masters stays, told by the source addresses of their advertisements.</summary>
public enum CarpTie
{
    /// <summary>One of the addresses is not known: yield, as BSD does.</summary>
    Unknown,

    /// <summary>This node stays master.</summary>
    Wins,

    /// <summary>The peer stays master.</summary>
    Loses,
}

/// <summary>What the state machine needs to know of a valid advertisement.</summary>
/// <param name="AdvBase">Seconds, as on the wire.</param>
/// <param name="AdvSkew">1/256 s, as on the wire.</param>
/// <param name="Demotion">The demotion byte; only OpenBSD's rules look at it.</param>
/// <param name="Tie">Who stays when both are master and equally fast.</param>
public readonly record struct CarpPeerAdvertisement(byte AdvBase, byte AdvSkew, byte Demotion, CarpTie Tie = CarpTie.Unknown);
