namespace Redoubt.Core.StateSync;

/// <summary>Which direction of the way to a peer that is heard is silent.</summary>
public enum PeerSilence
{
    /// <summary>None that is known of: both directions work, or the peer is not heard at all.</summary>
    None,

    /// <summary>We hear the peer, and nothing of ours has reached it for the time limit.</summary>
    DoesNotHear,

    /// <summary>The peer hears that we live, and what we tell it of states does not get through.</summary>
    DoesNotAcknowledge,
}
