using System.Diagnostics;

namespace Redoubt.Lab.Bench.States;

/// <summary>
/// Opens flows through the firewalls' virtual addresses, each once: UDP by its first datagram, TCP by its handshake, at a pace or as fast as it goes. The hosts
/// themselves do not hear the answers.
/// </summary>
internal sealed class NewFlows : IDisposable
{
    private const int PortsPerTarget = 50_000;
    private const int FirstPort = 10_000;
    private const int FirstTarget = 1_000;
    private readonly PacketBatch _out;
    private readonly PacketBatch _back;

    public NewFlows(Topology topology)
    {
        foreach (var (host, device) in new[] { (topology.Client, "lan0"), (topology.Server, "wan0") })
        {
            host.Nft(
                $"table netdev lab_deaf {{\nchain in {{\ntype filter hook ingress device \"{device}\" priority 0;\nip protocol {{ tcp, udp }} drop\n}}\n}}\n"
            );
        }
        _out = new PacketBatch(topology.Client, Topology.ClientAddress, Topology.ServerAddress);
        _back = new PacketBatch(topology.Server, Topology.ServerAddress, Topology.WanVip);
    }

    /// <summary>Flows opened so far.</summary>
    public int Opened { get; private set; }

    /// <summary>Opens so many, at so many per second (0: without a pause), and returns how long that took.</summary>
    public TimeSpan Open(int count, double perSecond, bool tcp = false)
    {
        var clock = Stopwatch.StartNew();
        for (var done = 0; done < count; )
        {
            var size = Math.Min(PacketBatch.Size, count - done);
            if (perSecond > 0)
            {
                // A slow pace is kept packet by packet, a fast one batch by batch.
                size = Math.Min(size, Math.Max(1, (int)(perSecond / 2000)));
                var due = TimeSpan.FromSeconds(done / perSecond);
                if (due - clock.Elapsed > TimeSpan.FromMilliseconds(1.2))
                    Thread.Sleep(1);
                if (clock.Elapsed < due)
                    continue;
            }
            if (tcp)
                Handshakes(size);
            else
                Datagrams(size);
            done += size;
        }
        return clock.Elapsed;
    }

    /// <summary>Starts anew with the first flow, once no firewall remembers any.</summary>
    public void Reset() => Opened = 0;

    public void Dispose()
    {
        _out.Dispose();
        _back.Dispose();
    }

    private static (ushort Port, ushort Target) Ports(int number) =>
        ((ushort)(FirstPort + (number % PortsPerTarget)), (ushort)(FirstTarget + (number / PortsPerTarget)));

    private void Datagrams(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var (port, target) = Ports(Opened++);
            _out.AddUdp(port, target);
        }
        _out.Send();
    }

    private void Handshakes(int count)
    {
        var first = Opened;
        foreach (var flags in new[] { PacketBatch.Syn, PacketBatch.SynAck, PacketBatch.Ack })
        {
            var isBack = flags == PacketBatch.SynAck;
            var batch = isBack ? _back : _out;
            for (var i = first; i < first + count; i++)
            {
                var (port, target) = Ports(i);
                if (isBack)
                    batch.AddTcp(target, port, flags, 5000, 1001);
                else
                    batch.AddTcp(port, target, flags, flags == PacketBatch.Syn ? 1000u : 1001u, flags == PacketBatch.Syn ? 0u : 5001u);
            }
            batch.Send();
        }
        Opened += count;
    }
}
