using System.Globalization;
using Redoubt.Control;
using Redoubt.Lab.Traffic;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Bench.Vhids;

/// <summary>What one crash of the master of many vhids showed.</summary>
/// <param name="Vhids">All vhids together.</param>
/// <param name="Moved">Those that the other firewall announced.</param>
/// <param name="First">From the crash to the first announcement.</param>
/// <param name="Last">From the crash to the last vhid's first announcement.</param>
/// <param name="MasterLoad">Share of one core that the master needs in steady state.</param>
/// <param name="BackupLoad">The backup's.</param>
/// <param name="Resident">Resident memory of the master, KiB.</param>
/// <param name="StartTime">From the start of the first daemon until all its vhids are master.</param>
public sealed record VhidSample(
    int Vhids,
    int Moved,
    TimeSpan First,
    TimeSpan Last,
    double MasterLoad,
    double BackupLoad,
    long Resident,
    TimeSpan StartTime
)
{
    /// <inheritdoc />
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Moved} of {Vhids} vhids moved, the first after {First.TotalMilliseconds:F0} ms, the last after {Last.TotalMilliseconds:F0} ms; "
                + $"steady state: master {MasterLoad:P1}, backup {BackupLoad:P1} of a core, {Resident >> 10} MiB; up in {StartTime.TotalSeconds:F1} s"
        );
}

/// <summary>Crashes the master of many vhids, and looks from the switch when each has moved.</summary>
public static class VhidBench
{
    /// <summary>Plays one crash, after so long in steady state. Throws <see cref="LabException"/>.</summary>
    public static VhidSample Run(int segments, int vhids, string profile, TimeSpan steady)
    {
        using var cluster = new VhidCluster(segments, vhids, profile);
        var deadline = Deadline.In(180);
        cluster.Start(1, deadline);
        cluster.AwaitAll(1, VipState.Master, deadline);
        var startTime = deadline.Elapsed;
        cluster.Start(2, deadline);
        cluster.AwaitAll(2, VipState.Backup, deadline);
        var (masterLoad, backupLoad) = Measure(cluster, steady);
        var resident = cluster.Resident(1);

        Dictionary<(int, byte), long> moved = [];
        var count = 0;
        using var taps = new PortTaps(
            cluster.Switch.Run,
            [.. cluster.Ports(2).Take(segments).Select(p => p.SwitchDevice)],
            (port, moment, frame) =>
            {
                // Only a frame with the vhid's own source moves it in the switch: 00:00:5e:00:01:VHID.
                if (frame.Length >= 14 && frame.Slice(6, 5).SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0x5e, 0, 1]))
                    Interlocked.Add(ref count, moved.TryAdd((port, frame[11]), moment) ? 1 : 0);
            }
        );
        taps.Start();
        var crash = Pacing.Now;
        foreach (var port in cluster.Ports(1))
            port.Cut();
        cluster.Daemon(1)!.Kill9();
        try
        {
            // Its own word first; then the frames of the last vhids, which leave behind it.
            var limit = Deadline.In(30);
            cluster.AwaitAll(2, VipState.Master, limit);
            limit.Await("every vhid is announced", () => Volatile.Read(ref count) == segments * vhids, () => $"{count}");
        }
        finally
        {
            taps.Stop();
        }
        var delays = moved.Values.Select(m => new TimeSpan((m - crash) / 100)).Order().ToList();
        return new VhidSample(
            segments * vhids,
            delays.Count,
            delays.FirstOrDefault(),
            delays.LastOrDefault(),
            masterLoad,
            backupLoad,
            resident,
            startTime
        );
    }

    private static (double Master, double Backup) Measure(VhidCluster cluster, TimeSpan steady)
    {
        var (start, master, backup) = (Pacing.Now, cluster.ProcessorTime(1), cluster.ProcessorTime(2));
        Pacing.WaitUntil(start + (steady.Ticks * 100));
        var seconds = (Pacing.Now - start) / 1e9;
        return ((cluster.ProcessorTime(1) - master).TotalSeconds / seconds, (cluster.ProcessorTime(2) - backup).TotalSeconds / seconds);
    }
}
