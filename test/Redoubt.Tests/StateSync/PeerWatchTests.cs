using System.Net;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>An operator is told of what does not heal by itself, once, and of its end.</summary>
public sealed class PeerWatchTests
{
    private readonly List<(string Id, string? Text)> _alarms = [];
    private readonly PeerWatch _watch = new(TimeSpan.FromSeconds(5));

    private static readonly StateSyncPeerSnapshot _peer = new(IPAddress.Parse("10.0.0.2"), 2, true, true, 0.1, "done")
    {
        Agreement = TableAgreement.Equal,
    };

    private void Look(double seconds, StateSyncPeerSnapshot peer) =>
        _watch.Look(Instant.Zero + TimeSpan.FromSeconds(seconds), [peer], (id, text) => _alarms.Add((id, text)));

    [Theory]
    [InlineData(PeerSilence.DoesNotHear, "has not heard this node")]
    [InlineData(PeerSilence.DoesNotAcknowledge, "large datagrams")]
    public void One_silent_direction_is_an_alarm_until_it_works_again(PeerSilence silence, string words)
    {
        Look(1, _peer with { Silence = silence });
        Look(2, _peer with { Silence = silence });
        var (id, text) = Assert.Single(_alarms);
        Assert.Equal("state-sync-one-way-10.0.0.2", id);
        Assert.Contains(words, text, StringComparison.Ordinal);
        Look(3, _peer);
        Assert.Equal((id, null), _alarms[1]);
    }

    [Fact]
    public void A_difference_that_stays_for_six_periods_is_an_alarm_and_one_that_is_repaired_is_not()
    {
        var different = _peer with { Agreement = TableAgreement.Different };
        Look(0, different);
        Look(29, different);
        Look(30, _peer);
        Look(31, different);
        Look(60, different);
        Assert.Empty(_alarms);
        Look(61, different);
        Look(80, different);
        Assert.Equal("state-sync-different-10.0.0.2", Assert.Single(_alarms).Id);
        Look(81, _peer);
        Assert.Null(_alarms[1].Text);
    }

    [Fact]
    public void Who_stops_looking_takes_back_what_was_raised()
    {
        _watch.Clear((id, text) => _alarms.Add((id, text)));
        Assert.Empty(_alarms);
        Look(1, _peer with { Silence = PeerSilence.DoesNotHear });
        _watch.Clear((id, text) => _alarms.Add((id, text)));
        Assert.Equal(2, _alarms.Count);
        Assert.Equal((_alarms[0].Id, null), _alarms[1]);
    }

    [Fact]
    public void A_dead_peer_is_no_lasting_difference()
    {
        for (var second = 0; second < 100; second++)
            Look(second, _peer with { Agreement = TableAgreement.Different, IsAlive = false });
        Assert.Empty(_alarms);
    }
}
