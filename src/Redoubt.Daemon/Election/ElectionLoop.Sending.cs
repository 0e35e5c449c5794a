using Redoubt.Core;
using Redoubt.Core.Failover;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Election;

/// <summary>Advertisements that the kernel does not take: no buffers, a rule that drops them, a device that is gone.</summary>
internal sealed partial class ElectionLoop
{
    private bool _tried; // of the round of advertisements that is sent now
    private bool _refused;

    private bool SendCounted(ElectionPort port, int length, uint mark)
    {
        _tried = true;
        var left = port.Send(_frame.AsSpan(0, length), mark);
        _refused |= !left;
        return left;
    }

    // A backup has nothing to send by which it would notice that it could again.
    private void ProbeSending(Instant now)
    {
        foreach (var host in _hosts)
        {
            if (now < host.NextProbe)
                continue;
            (_tried, _refused) = (false, false);
            ProbeSending(host, ipv6: false);
            ProbeSending(host, ipv6: true);
            if (host.Sending.OnSent(_tried && !_refused, now))
                TellSending(host.Port, now);
        }
    }

    private void ProbeSending(ElectionHost host, bool ipv6)
    {
        if (!TryFirstAddress(host, ipv6, out var address) || !host.Port.TryGetSource(ipv6, address, out var source))
            return;
        SendCounted(host.Port, SendProbe.Write(_frame, ipv6, host.Port.Link.Mac, source), mark: 0);
    }

    private void TellSending(ElectionPort port, Instant now)
    {
        var reason = SendReason(port);
        if (_hosts.Exists(h => ReferenceEquals(h.Port, port) && h.Sending.IsSick))
        {
            _reports.Alarms.Raise(reason, $"advertisements do not leave on {port.Name}: {Explain(port.LastSendError)}");
            SetDemotion(reason, DemotionLedger.FullDemotion, now);
        }
        else
        {
            _reports.Alarms.Clear(reason);
            ClearDemotion(reason, now);
        }
    }

    private static string SendReason(ElectionPort port) => $"cannot send on {port.Name}";

    private static string Explain(Errno errno) =>
        errno == Errno.NoBufferSpace ? $"{errno}, or a rule of the egress hook drops them" : $"{errno}";
}
