namespace Redoubt.Core.Failover;

/// <summary>What a failover group asks of whoever drives it; carried out for all its vhids at once.</summary>
public enum GroupAction
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Open the gates for packets and say so: a living master is asked to yield. Nobody answers twice: claiming waits for its yes.</summary>
    Ask,

    /// <summary>The master did not yield in time: close again.</summary>
    Withdraw,

    /// <summary>Hold the addresses.</summary>
    Claim,

    /// <summary>Give the addresses to a better node that asks; what still comes this way is forwarded for the drain time.</summary>
    Yield,

    /// <summary>Stop holding them: another, better master lives.</summary>
    StepDown,

    /// <summary>Go on holding them and say so again: a worse master was heard, and may have drawn traffic to itself.</summary>
    Reassert,
}

/// <summary>Why a group did what it did last.</summary>
public enum GroupReason
{
    /// <summary>It has done nothing yet.</summary>
    None,

    /// <summary>The master was heard on no path for its hold time.</summary>
    MasterDied,

    /// <summary>The master left in order.</summary>
    MasterLeft,

    /// <summary>The master gave the group up without naming a successor.</summary>
    MasterGaveUp,

    /// <summary>Several nodes live, none is master, and this one is the best.</summary>
    NobodyHeld,

    /// <summary>This node asked and the master yielded.</summary>
    MasterYielded,

    /// <summary>A better node asked.</summary>
    BetterNodeAsked,

    /// <summary>The operator asked another node to take over.</summary>
    Forced,

    /// <summary>Two masters heard each other, and the other one is better.</summary>
    BetterMaster,

    /// <summary>A node that asked did not claim.</summary>
    SuccessorFailed,
}
