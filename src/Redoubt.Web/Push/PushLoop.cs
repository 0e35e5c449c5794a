using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Requests;

namespace Redoubt.Web.Push;

/// <summary>Follows what the daemon wants to be pushed and pushes it, one at a time. One task follows, one pushes; the backlog between them has a lock.</summary>
public sealed class PushLoop(NodeDaemon daemon, X509Certificate2 certificate, ILogger log) : IDisposable
{
    // Stands for the peer where nobody knows who it would be.
    private const string NoPeer = "-";
    private static readonly TimeSpan _longestReconnect = TimeSpan.FromSeconds(10);
    private readonly PushBacklog _backlog = new();
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(0, 1);

    /// <summary>Between two tries of one call.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Runs until told to stop; a push that is on its way is cut off.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] both = [FollowAsync(end.Token), PushAsync(end.Token)];
        // Where one of them fails, nothing is pushed any more: that ends the process instead of going unnoticed.
        await Task.WhenAny(both).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(both).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // That is how it ends.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _news.Dispose();

    private async Task FollowAsync(CancellationToken stop)
    {
        var wait = TimeSpan.FromSeconds(1);
        var told = "";
        while (true)
        {
            try
            {
                await foreach (var wanted in daemon.FollowPushesAsync(stop).ConfigureAwait(false))
                {
                    (wait, told) = (TimeSpan.FromSeconds(1), "");
                    if (TryAdd(wanted))
                        continue;
                    var refused = new ConfigPushResult
                    {
                        Id = wanted.Id,
                        Peer = NoPeer,
                        Ok = false,
                        Error = "too many dry runs wait",
                    };
                    await daemon.ReportAsync(refused, stop).ConfigureAwait(false);
                }
            }
            catch (ControlException e)
            {
                if (e.Message != told)
                    log.FollowLost(e.Message);
                told = e.Message;
            }
            await Task.Delay(wait, stop).ConfigureAwait(false);
            wait = wait * 2 > _longestReconnect ? _longestReconnect : wait * 2;
        }
    }

    private bool TryAdd(PushWanted wanted)
    {
        lock (_gate)
        {
            if (!_backlog.TryAdd(wanted))
                return false;
            if (_news.CurrentCount == 0)
                _news.Release();
            return true;
        }
    }

    private async Task PushAsync(CancellationToken stop)
    {
        while (true)
        {
            DuePush? due;
            TimeSpan wait;
            lock (_gate)
            {
                _backlog.TryTake(MonotonicClock.Now, out due);
                wait = _backlog.Due == Instant.Never ? Timeout.InfiniteTimeSpan : _backlog.Due - MonotonicClock.Now;
            }
            if (due is null)
            {
                await _news
                    .WaitAsync(wait < TimeSpan.Zero && wait != Timeout.InfiniteTimeSpan ? TimeSpan.Zero : wait, stop)
                    .ConfigureAwait(false);
                continue;
            }
            await PushAsync(due, stop).ConfigureAwait(false);
        }
    }

    private async Task PushAsync(DuePush due, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        var result = new ConfigPushResult
        {
            Id = due.Ids[^1],
            Peer = NoPeer,
            Ok = false,
            Areas = due.Areas,
        };
        PushOutcome outcome;
        try
        {
            var wanted = new ConfigPushPlanRequest { Id = result.Id, Areas = due.Areas };
            var (plan, reason) = await daemon.PlanAsync(wanted with { Brief = true }, stop).ConfigureAwait(false);
            if (plan is null)
            {
                outcome = PushOutcome.Failed(reason);
            }
            else
            {
                result = result with { Peer = plan.Plan.Host, Areas = plan.Plan.Areas, Generation = plan.Plan.Generation };
                using var client = new PeerClient(plan, XmlRpcLimits.Default, certificate);
                var run = new PushRun(
                    plan,
                    (held, whole) => daemon.PlanAsync(wanted with { Held = held, Whole = whole }, stop),
                    client,
                    RetryPause,
                    log
                );
                outcome = due.DryRun ? await run.DryRunAsync(stop).ConfigureAwait(false) : await run.PushAsync(stop).ConfigureAwait(false);
            }
        }
        catch (ControlException e)
        {
            outcome = PushOutcome.Failed($"the daemon was lost: {e.Message}", peerAway: true);
        }
        result = result with
        {
            Ok = outcome.Ok,
            Areas = outcome.Ok ? outcome.Areas : result.Areas,
            Generation = outcome.Generation > 0 ? outcome.Generation : result.Generation,
            Error = outcome.Error,
            PeerDigests = outcome.PeerDigests,
            Differences = outcome.Differences,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(began).TotalSeconds, 3),
        };
        Settle(due, outcome, result);
        foreach (var id in due.Ids)
            await ReportAsync(result with { Id = id }, stop).ConfigureAwait(false);
    }

    private void Settle(DuePush due, PushOutcome outcome, ConfigPushResult result)
    {
        var peer = WebLog.Clean(result.Peer);
        if (outcome.PeerAway && !due.DryRun)
        {
            TimeSpan wait;
            lock (_gate)
                wait = _backlog.PutBack(due, MonotonicClock.Now);
            log.PushWaits(result.Id, peer, outcome.Error ?? "", wait.TotalSeconds);
            return;
        }
        lock (_gate)
            _backlog.Ended();
        log.Pushed(result.Id, peer, outcome.Error ?? (due.DryRun ? "dry run" : "ok"), result.Seconds, string.Join(',', result.Areas));
    }

    private async Task ReportAsync(ConfigPushResult result, CancellationToken stop)
    {
        try
        {
            await daemon.ReportAsync(result, stop).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            log.DaemonSilent("config-push-result", e.Message);
        }
    }
}
