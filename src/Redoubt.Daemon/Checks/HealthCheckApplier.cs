using System.Globalization;
using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Core.Failover;
using Redoubt.Daemon.Configuration;
using Redoubt.Daemon.Events;
using Redoubt.Linux;

namespace Redoubt.Daemon.Checks;

/// <summary>
/// The health checks of <c>redoubt/failover/check</c>: each is tried on its own, at its pace and within its time, and demotes this node by its weight while it fails. Apart from the
/// election: a check that hangs costs nothing but itself. <paramref name="demote"/> enters or strikes out (0) a demotion of a name; <paramref name="abstain"/> has this node claim nothing for so long.
/// </summary>
internal sealed class HealthCheckApplier(Action<string, int> demote, Action<TimeSpan> abstain, EventLog events) : IConfigApplier
{
    /// <summary>What the ledger's entries of checks begin with.</summary>
    public const string ReasonPrefix = "check ";

    private readonly Lock _gate = new();
    private readonly List<Running> _running = [];

    private sealed record Running(HealthCheck Check, string? Device, CheckVerdict Verdict, CancellationTokenSource Stop, Task Task);

    /// <inheritdoc/>
    public string Name => "health checks";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } = ["redoubt"];

    /// <summary>How they stand.</summary>
    public IReadOnlyList<CheckStatus> Status
    {
        get
        {
            lock (_gate)
            {
                var (now, wall) = (BootClock.Now, DateTimeOffset.UtcNow);
                return
                [
                    .. _running.Select(r => new CheckStatus
                    {
                        Name = r.Check.Name,
                        Type = r.Check.Type.ToString().ToLowerInvariant(),
                        Target = r.Check.Target,
                        Weight = r.Check.Weight,
                        Passes = r.Verdict.Passes,
                        Since = r.Verdict.Passes is null ? null : wall - (now - r.Verdict.Since),
                        Error = r.Verdict.Error.Length > 0 ? r.Verdict.Error : null,
                    }),
                ];
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies) => [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next)
    {
        var before = current is null ? [] : Of(current);
        var after = Of(next);
        return
        [
            .. before.Except(after).Select(c => $"health check ended: {c.Check.Name}"),
            .. after.Except(before).Select(c => $"health check begun: {c.Check.Name}"),
        ];
    }

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        lock (_gate)
        {
            var wanted = Of(next).ToList();
            foreach (var running in _running.Where(r => !wanted.Contains((r.Check, r.Device))).ToList())
            {
                End(running);
                _running.Remove(running);
                if (!wanted.Exists(w => w.Check.Name == running.Check.Name))
                    demote(ReasonPrefix + running.Check.Name, 0);
            }
            foreach (var (check, device) in wanted.Where(w => !_running.Exists(r => (r.Check, r.Device) == w)))
            {
                var verdict = new CheckVerdict(check.Rise, check.Fall);
                var stop = new CancellationTokenSource();
                _running.Add(new Running(check, device, verdict, stop, Task.Run(() => RunAsync(check, device, verdict, stop.Token))));
            }
        }
        return null;
    }

    /// <summary>Ends them all; what they demoted by stays, for the node stops.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _running.ForEach(End);
            _running.Clear();
        }
    }

    private static void End(Running running)
    {
        running.Stop.Cancel();
        running.Stop.Dispose();
    }

    private async Task RunAsync(HealthCheck check, string? device, CheckVerdict verdict, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var begun = BootClock.Now;
                Judge(check, verdict, await TryAsync(check, device, stop).ConfigureAwait(false), stop);
                var left = check.Interval - (BootClock.Now - begun);
                await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }

    private static async Task<string?> TryAsync(HealthCheck check, string? device, CancellationToken stop)
    {
        try
        {
            return await HealthProbe.TryAsync(check, device, stop).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // whatever goes wrong in a check is its result
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            return e.Message;
        }
    }

    private void Judge(HealthCheck check, CheckVerdict verdict, string? error, CancellationToken stop)
    {
        lock (_gate)
        {
            if (stop.IsCancellationRequested)
                return;
            var first = verdict.Passes is null;
            var isNews = verdict.OnResult(error, BootClock.Now);
            // Before the demotion, and before its end is posted: nodes that lose a witness together, and find it again together, must not take turns.
            if (WitnessChecks.IsOne(check) && WitnessChecks.IsUnsure(verdict.Passes, error, isNews && !first))
                abstain(WitnessChecks.Doubt);
            // Each time: a node that was started anew has another ledger.
            demote(ReasonPrefix + check.Name, verdict.Passes == false ? check.Weight : 0);
            if (!isNews || (first && verdict.Passes == true))
                return;
            var amount = check.Weight.ToString(CultureInfo.InvariantCulture);
            events.Add(
                EventKind.Demotion,
                verdict.Passes == true
                    ? $"check {check.Name} passes again"
                    : $"check {check.Name} fails and demotes this node by {amount}: {error}"
            );
        }
    }

    private static IReadOnlyList<(HealthCheck Check, string? Device)> Of(ConfigSnapshot snapshot) =>
        [
            .. snapshot.Configuration.Redoubt.Checks.Select(c =>
                (c, c.Type == HealthCheckType.Link ? snapshot.Configuration.Interface(c.Target)?.Device : null)
            ),
            .. WitnessChecks.Of(snapshot.Configuration).Select(c => (c, (string?)null)),
        ];
}
