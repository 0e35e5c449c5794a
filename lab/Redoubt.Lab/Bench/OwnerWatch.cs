using System.Buffers.Binary;
using System.Net;
using Redoubt.Core;
using Redoubt.Lab.Traffic;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Bench;

/// <summary>
/// Asks every 20 ms on the LAN who has the virtual address, as a third party, and notes through which firewalls' switch ports the
/// answers come: two ports that answer the same question are two owners. The question's number is in the sender's hardware address,
/// which the answer repeats, so a late answer counts for its own question.
/// </summary>
public sealed class OwnerWatch : IDisposable
{
    /// <summary>From one question to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private const int FrameLength = 42;
    private const int QuestionLimit = 1_000_000; // 5.5 hours
    private const byte LocalPrefix = 2; // a locally administered address
    private static readonly byte[] _vip = IPAddress.Parse(Topology.LanVip).GetAddressBytes();
    private readonly byte[] _question = new byte[FrameLength];
    private readonly byte[] _answers = new byte[QuestionLimit]; // bit n: fw(n+1)
    private readonly PacketSender _sender;
    private readonly List<PacketTap> _taps = [];
    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile int _asked;

    /// <summary>Starts to ask.</summary>
    public OwnerWatch(LabCluster lab)
    {
        var topology = lab.Topology;
        (_sender, var mac) = topology.Observer.Run(() =>
        {
            using var links = new RouteNetlink();
            var link = links.Link("lan0") ?? throw new LabException("the observer has no device lan0");
            return (new PacketSender(link.Index), link.Mac);
        });
        topology.Switch.Run(() =>
        {
            using var links = new RouteNetlink();
            foreach (var port in lab.Nodes.Select(n => n.Lan.SwitchDevice))
                _taps.Add(new PacketTap((links.Link(port) ?? throw new LabException($"the switch has no device {port}")).Index));
        });
        WriteQuestion(mac);
        _thread = new Thread(Work) { IsBackground = true, Name = "owner watch" };
        _thread.Start();
    }

    /// <summary>The number of the question that is asked next.</summary>
    public int Next => _asked;

    /// <summary>True when that firewall (1, 2) answered a question since.</summary>
    public bool HasAnswered(int firewall, int since) => Known(since).Any(a => (a & (1 << (firewall - 1))) != 0);

    /// <summary>True when each of the last questions (25: half a second) had that firewall's answer and no other.</summary>
    public bool IsSoleOwner(int firewall, int questions = 25)
    {
        var last = Known(_asked - 1 - questions).ToList();
        return last.Count >= questions && last.TrueForAll(a => a == 1 << (firewall - 1));
    }

    /// <summary>How long two answered since, in steps of <see cref="Interval"/>.</summary>
    public TimeSpan TwoOwners(int since) => Interval * Known(since).Count(a => int.PopCount(a) > 1);

    /// <summary>How long nobody answered since, in steps of <see cref="Interval"/>.</summary>
    public TimeSpan NoOwner(int since) => Interval * Known(since).Count(a => a == 0);

    /// <inheritdoc />
    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _sender.Dispose();
        _taps.ForEach(t => t.Dispose());
    }

    // The answers to the last question are read just before the next one is asked.
    private IEnumerable<byte> Known(int since) => _answers.Take(_asked - 1).Skip(Math.Max(since, 0));

    private void Work()
    {
        var started = Pacing.Now;
        for (var number = 0; number < QuestionLimit && !_stopping; number++)
        {
            Pacing.WaitUntil(started + number * Interval.Ticks * 100);
            for (var firewall = 0; firewall < _taps.Count; firewall++)
                Read(_taps[firewall], (byte)(1 << firewall));
            BinaryPrimitives.WriteInt32BigEndian(_question.AsSpan(24), number);
            _sender.Send(_question, mark: 0);
            _asked = number + 1;
        }
    }

    private void Read(PacketTap tap, byte firewall)
    {
        Span<byte> frame = stackalloc byte[FrameLength];
        while (tap.TryReceive(frame, out var length, out var outgoing))
        {
            // ARP behind Ethernet: operation 20, sender's MAC 22 and IP 28, target's MAC 32 and IP 38.
            if (outgoing || length < FrameLength || frame[12] != 8 || frame[13] != 6 || frame[20] != 0 || frame[21] != 2)
                continue;
            var number = BinaryPrimitives.ReadInt32BigEndian(frame[34..]);
            if (frame.Slice(28, 4).SequenceEqual(_vip) && frame[32] == LocalPrefix && number >= 0 && number < _asked)
                _answers[number] |= firewall;
        }
    }

    private void WriteQuestion(MacAddress mac)
    {
        ReadOnlySpan<byte> arpRequest = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
        var frame = _question.AsSpan();
        MacAddress.Broadcast.Write(frame);
        mac.Write(frame[6..]);
        arpRequest.CopyTo(frame[12..]);
        frame[22] = LocalPrefix;
        IPAddress.Parse(Topology.ObserverLanAddress).GetAddressBytes().CopyTo(frame[28..]);
        _vip.CopyTo(frame[38..]);
    }
}
