namespace Redoubt.Core.Carp;

/// <summary>What hearing one advertisement leads to.</summary>
public enum CarpVerdict
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A master steps back.</summary>
    Yield,

    /// <summary>A master stays and repeats its announcement: the peer may have drawn the traffic to itself.</summary>
    Reassert,

    /// <summary>A backup waits on: the master-down timer starts anew.</summary>
    WaitOn,

    /// <summary>A backup relieves a slower master.</summary>
    Preempt,

    /// <summary>A backup relieves a more demoted master.</summary>
    PeerMoreDemoted,

    /// <summary>A backup relieves a master that advertises too seldom, or resigned.</summary>
    PeerWillTimeOut,
}

/// <summary>The table of carp.md section 6, one arm per flavour and rule.</summary>
public static class CarpElection
{
    /// <summary>Decides. <paramref name="demotion"/> is the own one as the flavour counts it; the own advskew is the configured one.</summary>
    public static CarpVerdict Decide(CarpHostOptions own, bool preempt, int demotion, CarpState state, in CarpPeerAdvertisement peer)
    {
        var flavour = own.Flavour;
        var effective = CarpTimes.EffectiveSkew(flavour, own.AdvSkew, demotion);
        var ownTime = CarpTimes.AdvertInterval(flavour, own.AdvBase, effective);
        var peerTime = CarpTimes.AdvertInterval(flavour, peer.AdvBase, peer.AdvSkew);
        return state switch
        {
            CarpState.Master => MasterHears(flavour, ownTime, peerTime, demotion, peer),
            CarpState.Backup => BackupHears(own, preempt, ownTime, peerTime, demotion, effective, peer),
            _ => CarpVerdict.None,
        };
    }

    private static CarpVerdict MasterHears(CarpFlavour flavour, TimeSpan own, TimeSpan peer, int demotion, in CarpPeerAdvertisement heard)
    {
        if (flavour == CarpFlavour.OpenBsd)
        {
            var ours = Math.Clamp(demotion, 0, byte.MaxValue);
            return heard.Demotion < ours || (heard.Demotion == ours && own >= peer) ? CarpVerdict.Yield : CarpVerdict.None;
        }
        var stays = own < peer || (own == peer && heard.Tie == CarpTie.Wins);
        if (!stays)
            return CarpVerdict.Yield;
        return flavour == CarpFlavour.Ucarp ? CarpVerdict.Reassert : CarpVerdict.None;
    }

    private static CarpVerdict BackupHears(
        CarpHostOptions own,
        bool preempt,
        TimeSpan ownTime,
        TimeSpan peerTime,
        int demotion,
        byte effective,
        in CarpPeerAdvertisement heard
    )
    {
        var openBsd = own.Flavour == CarpFlavour.OpenBsd;
        var ours = Math.Clamp(demotion, 0, byte.MaxValue);
        if (preempt && ownTime < peerTime && (!openBsd || heard.Demotion >= ours))
            return CarpVerdict.Preempt;
        if (openBsd && heard.Demotion > ours)
            return CarpVerdict.PeerMoreDemoted;
        if (openBsd && own.AdvBase == 0)
            return CarpVerdict.WaitOn;
        var limit = CarpTimes.MasterDown(own.Flavour, own.AdvBase, openBsd ? own.AdvSkew : effective, own.DeadRatio);
        return limit < peerTime ? CarpVerdict.PeerWillTimeOut : CarpVerdict.WaitOn;
    }
}
