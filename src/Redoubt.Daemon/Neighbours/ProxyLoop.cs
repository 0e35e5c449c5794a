using System.Collections.Immutable;
using Redoubt.Core.Configuration;
using Redoubt.Core.Neighbours;
using Redoubt.Daemon.Events;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Neighbours;

/// <summary>
/// A thread that answers ARP requests and neighbour solicitations for the addresses of mode proxyarp. Not the kernel's own proxy: that one does not answer for what it would route
/// back out of the same device, which is where such addresses usually lie. Runs only while there are any.
/// </summary>
internal sealed class ProxyLoop(AlarmBoard alarms) : IDisposable
{
    private const string MissingAlarm = "proxied-addresses";
    private const int Burst = 64; // frames of one device before the next one gets its turn
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _retry = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private readonly EventDescriptor _wake = new();
    private readonly byte[] _frame = new byte[2048];
    private readonly byte[] _answer = new byte[NeighbourProxy.AnswerLength];
    private volatile Wanted _wanted = new([], []);
    private volatile IReadOnlyList<ProxyPort> _ports = [];
    private Thread? _thread;
    private volatile bool _stopping;

    /// <summary>Has it answer for what a configuration says. From any thread.</summary>
    public void Set(NodeConfiguration configuration)
    {
        lock (_gate)
        {
            _wanted = new Wanted(ProxiedAddresses.Of(configuration), ProxiedAddresses.Excepted(configuration));
            if (_thread is null && !_wanted.Addresses.IsEmpty)
            {
                _thread = new Thread(Run) { Name = "proxied addresses" };
                _thread.Start();
            }
        }
        _wake.Signal();
    }

    /// <summary>Whether another answer is due in a configuration than in another.</summary>
    public static bool Same(NodeConfiguration a, NodeConfiguration b) =>
        ProxiedAddresses.Of(a).SequenceEqual(ProxiedAddresses.Of(b))
        && ProxiedAddresses.Excepted(a).SequenceEqual(ProxiedAddresses.Excepted(b));

    /// <summary>Questions answered for an address or network of a configuration; null where its device cannot be used. From any thread.</summary>
    public long? Answers(string @interface, AddressRange range)
    {
        foreach (var port in _ports)
        {
            if (port.Addresses.Interface == @interface && port.Addresses.Ranges.IndexOf(range) is >= 0 and var index)
                return port.Answers(index);
        }
        return null;
    }

    public void Stop()
    {
        _stopping = true;
        _wake.Signal();
        lock (_gate)
            _thread?.Join();
        alarms.Clear(MissingAlarm);
    }

    public void Dispose()
    {
        Stop();
        foreach (var port in _ports)
            port.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        Wanted? current = null;
        Poller? poller = null;
        var look = BootClock.Now;
        while (!_stopping)
        {
            try
            {
                if (current != _wanted || BootClock.Now >= look)
                {
                    current = _wanted;
                    if (Follow(current, out var complete) || poller is null)
                    {
                        poller?.Dispose();
                        poller = new Poller();
                        poller.Add(_wake.Handle);
                        foreach (var port in _ports)
                            port.AddTo(poller);
                    }
                    look = BootClock.Now + (complete ? _period : _retry);
                }
                poller!.Wait(look);
                _wake.Drain();
                foreach (var port in _ports)
                    port.Hear(_frame, _answer, Burst);
            }
#pragma warning disable CA1031 // what fails is tried again; elections and packets do not depend on it
            catch (Exception e)
#pragma warning restore CA1031
            {
                alarms.Raise(MissingAlarm, $"answering for addresses failed and is tried again: {e.Message}");
                current = null;
                Thread.Sleep(_retry);
            }
        }
        poller?.Dispose();
    }

    // Opens what is wanted and closes what is not, or what its device changed under; true where anything changed.
    private bool Follow(Wanted wanted, out bool complete)
    {
        using var netlink = new RouteNetlink();
        var links = netlink.Links().ToDictionary(l => l.Name);
        List<ProxyPort> ports = [];
        List<string> missing = [];
        var left = _ports.ToList();
        var own = netlink.Addresses().Select(a => new AddressPrefix(a.Address, a.IsIPv6, a.IsIPv6 ? 128 : 32)).ToList();
        foreach (var addresses in wanted.Addresses)
        {
            var parent = links.GetValueOrDefault(addresses.Device);
            var name = addresses.Host is { } host ? VirtualMacDevice.Name(parent.Index, host.Vhid, host.IsVrrp6) : addresses.Device;
            if (parent.Index == 0 || !links.TryGetValue(name, out var device))
            {
                missing.Add($"{addresses.Interface}: no device {(parent.Index == 0 ? addresses.Device : name)}");
                continue;
            }
            var excepted = wanted.Excepted.Concat(own).Where(e => addresses.Ranges.Any(r => r.Contains(e.Address, e.IsIPv6))).ToHashSet();
            var port = left.Find(p => p.Fits(addresses, device, excepted));
            try
            {
                if (port is null)
                    port = new ProxyPort(addresses, device, parent, excepted);
                else
                    left.Remove(port);
                ports.Add(port);
                if (!port.GroupError.IsSuccess)
                    missing.Add($"{addresses.Interface}: not every IPv6 group can be joined ({port.GroupError})");
            }
            catch (KernelException e)
            {
                missing.Add($"{addresses.Interface}: {e.Message}");
            }
        }
        var changed = !ports.SequenceEqual(_ports);
        _ports = ports;
        foreach (var port in left)
            port.Dispose();
        complete = missing.Count == 0;
        if (complete)
            alarms.Clear(MissingAlarm);
        else
            alarms.Raise(MissingAlarm, $"addresses that are not answered for: {string.Join("; ", missing.Take(5))}");
        return changed;
    }

    private sealed record Wanted(ImmutableArray<ProxiedAddresses> Addresses, ImmutableArray<AddressPrefix> Excepted);
}
