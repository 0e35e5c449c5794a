using Redoubt.Core;
using Redoubt.Core.Configuration;
using Redoubt.Core.Neighbours;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.Neighbours;

/// <summary>One device on which questions are answered. Owned by the thread of <see cref="ProxyLoop"/>.</summary>
internal sealed class ProxyPort : IDisposable
{
    private readonly NeighbourProxy _proxy;
    private readonly NeighbourSocket? _arp;
    private readonly NeighbourSocket? _solicitations;
    private readonly SolicitedGroups _groups = new();
    private readonly MacAddress _mac;
    private readonly HashSet<AddressPrefix> _excepted;

    /// <summary>Opens it; throws <see cref="KernelException"/>.</summary>
    /// <param name="addresses">What is answered for.</param>
    /// <param name="device">Where it is heard and answered.</param>
    /// <param name="parent">The interface's own device, on which the groups are joined: it has a link-local address to do so from, in every role.</param>
    /// <param name="excepted">What somebody has.</param>
    public ProxyPort(ProxiedAddresses addresses, LinkInfo device, LinkInfo parent, HashSet<AddressPrefix> excepted)
    {
        (Addresses, Index, _mac, _excepted) = (addresses, device.Index, device.Mac, excepted);
        _proxy = new NeighbourProxy(addresses.Ranges, excepted);
        try
        {
            if (addresses.Ranges.Any(r => !r.IsIPv6))
                _arp = new NeighbourSocket(device.Index, ipv6: false);
            if (addresses.Ranges.Any(r => r.IsIPv6))
            {
                _solicitations = new NeighbourSocket(device.Index, ipv6: true);
                GroupError = _groups.Join(
                    parent.Index,
                    addresses
                        .Ranges.Where(r => r.IsIPv6)
                        .SelectMany(r => Enumerable.Range(0, r.Count(ConfigurationLimits.ProxiedAddresses)).Select(r.At))
                        .Select(a => a.Address)
                );
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ProxiedAddresses Addresses { get; }

    public int Index { get; }

    /// <summary>Why not all groups could be joined; success where they could.</summary>
    public Errno GroupError { get; }

    /// <summary>Whether it does what these say.</summary>
    public bool Fits(ProxiedAddresses addresses, in LinkInfo device, HashSet<AddressPrefix> excepted) =>
        Addresses == addresses && Index == device.Index && _mac == device.Mac && _excepted.SetEquals(excepted);

    /// <summary>Questions answered for the range at this place. From any thread.</summary>
    public long Answers(int range) => _proxy.Answers(range);

    /// <summary>Has a poller wait for it.</summary>
    public void AddTo(Poller poller)
    {
        if (_arp is not null)
            poller.Add(_arp.Handle);
        if (_solicitations is not null)
            poller.Add(_solicitations.Handle);
    }

    /// <summary>Answers what waits, at most so many of each family.</summary>
    public void Hear(Span<byte> frame, Span<byte> answer, int burst)
    {
        Hear(_arp, frame, answer, burst);
        Hear(_solicitations, frame, answer, burst);
    }

    public void Dispose()
    {
        _arp?.Dispose();
        _solicitations?.Dispose();
        _groups.Dispose();
    }

    // An answer that the gate does not let out is lost, as it should be: another node answers.
    private void Hear(NeighbourSocket? socket, Span<byte> frame, Span<byte> answer, int burst)
    {
        for (var i = 0; i < burst && socket is not null && socket.TryReceive(frame, out var length); i++)
        {
            if (_proxy.Answer(frame[..length], _mac, answer, out var size) == ProxyOutcome.Answered)
                socket.Send(answer[..size]);
        }
    }
}
