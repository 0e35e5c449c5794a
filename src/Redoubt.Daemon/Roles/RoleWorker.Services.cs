using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Linux;

namespace Redoubt.Daemon.Roles;

/// <summary>The services that follow this node's roles.</summary>
internal sealed partial class RoleWorker
{
    private readonly ManualResetEventSlim _finished = new();
    private readonly List<RoleBound> _services = [];
    private readonly List<RoleBound> _leaving = []; // not configured any more, and not ended yet
    private readonly Dictionary<string, (bool? Runs, string Error)> _toldServices = [];
    private volatile IReadOnlyList<Shown> _shown = [];
    private volatile bool _finishes;

    private sealed record Shown(RoleBound Service, bool Wanted, bool? Runs, Instant Since, string Error);

    /// <summary>How the services stand.</summary>
    public IReadOnlyList<ServiceStatus> Services
    {
        get
        {
            var (now, wall) = (BootClock.Now, DateTimeOffset.UtcNow);
            return
            [
                .. _shown.Select(s => new ServiceStatus
                {
                    Name = s.Service.Name,
                    Group = s.Service.Group,
                    Vip = s.Service.Vip,
                    Wanted = s.Wanted,
                    Running = s.Runs,
                    Since = s.Since == Instant.Zero ? null : wall - (now - s.Since),
                    Error = s.Error.Length > 0 ? s.Error : null,
                }),
            ];
        }
    }

    /// <summary>
    /// This node gives its addresses up and nobody takes them: hosts are told that their router is gone, while the gate is still open. Waits for at most the limit.
    /// </summary>
    public void FinishAdvertisements(TimeSpan limit)
    {
        if (!_thread.IsAlive)
            return;
        _finishes = true;
        _wake.Set();
        _finished.Wait(limit);
    }

    private void TurnServices(Instant now)
    {
        for (var i = _leaving.Count - 1; i >= 0; i--)
        {
            _leaving[i].Turn(now, Wake);
            if (_leaving[i].IsSettled)
            {
                _leaving[i].Dispose();
                _leaving.RemoveAt(i);
            }
        }
        foreach (var service in _services)
        {
            var wanted = !_stopping && IsWanted(service) && !_leaving.Exists(l => l.Name == service.Name);
            if (_finishes && service is RouterAdvertiser)
                service.Finish(now);
            else
                service.Want(wanted);
            service.Turn(now, Wake);
            TellService(service);
        }
        if (_finishes && _services.TrueForAll(s => s is not RouterAdvertiser || s.IsSettled))
            _finished.Set();
        Publish();
    }

    private bool IsWanted(RoleBound service)
    {
        lock (_gate)
        {
            if (service.Group is { } group)
                return _roles.TryGetValue(GroupPrefix + group, out var role) && role.State == CarpState.Master;
            // A virtual router of both families is elected twice; the service runs where both are here.
            var (ipv4, ipv6) = (_roles.GetValueOrDefault(service.Vip!), _roles.GetValueOrDefault(service.Vip + VrrpSuffix));
            return (ipv4 ?? ipv6) is not null && (ipv4 ?? ipv6)!.State == CarpState.Master && (ipv6 ?? ipv4)!.State == CarpState.Master;
        }
    }

    // What stays the same runs on; a service that has the name of one that leaves waits for it to end.
    private void ReplaceServices(RoleSettings? before, RoleSettings next)
    {
        var kept = new List<RoleBound>();
        foreach (var service in next.Services)
        {
            if (before is not null && before.Services.Contains(service) && _services.Find(s => s.Name == service.Name) is { } same)
                kept.Add(same);
            else if (service.Unit is { } unit)
                kept.Add(new BoundUnit(service.Name, service.Group, service.Vip, unit));
            else
                kept.Add(new BoundCommand(service.Name, service.Group, service.Vip, service.Command));
        }
        foreach (var advertisement in next.Advertisements)
        {
            var made = new RouterAdvertiser(advertisement, _stateDirectory);
            var same =
                before is not null && before.Advertisements.Contains(advertisement) ? _services.Find(s => s.Name == made.Name) : null;
            kept.Add(same ?? made);
        }
        foreach (var service in _services.Except(kept))
        {
            service.Want(false);
            _leaving.Add(service);
            _toldServices.Remove(service.Name);
            _alarms.Clear(ServiceAlarm(service));
        }
        _services.Clear();
        _services.AddRange(kept);
    }

    private static bool SameServices(RoleSettings a, RoleSettings b) =>
        a.Services.SequenceEqual(b.Services) && a.Advertisements.SequenceEqual(b.Advertisements);

    private void TellService(RoleBound service)
    {
        var now = (service.Runs, service.Error);
        if (!_toldServices.TryGetValue(service.Name, out var told))
            told = (service is BoundUnit ? null : false, "");
        if (now == told)
            return;
        _toldServices[service.Name] = now;
        if (now.Error.Length > 0 && now.Runs != true)
        {
            _alarms.Raise(ServiceAlarm(service), $"service {service.Name}: {now.Error}");
            _events.Add(EventKind.Service, $"service {service.Name}: {now.Error}");
            return;
        }
        _alarms.Clear(ServiceAlarm(service));
        if (now.Runs != told.Runs && now.Runs is { } runs)
            _events.Add(EventKind.Service, runs ? $"service {service.Name} runs" : $"service {service.Name} is stopped");
    }

    private void Publish() => _shown = [.. _services.Select(s => new Shown(s, s.IsWanted, s.Runs, s.Since, s.Error))];

    private static string ServiceAlarm(RoleBound service) => $"service {service.Name}";
}
