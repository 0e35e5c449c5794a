using System.Globalization;
using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>Pings that go on, ten a second each, until the object is disposed.</summary>
internal sealed class PingTraffic : IDisposable
{
    private readonly List<LabProcess> _pings = [];

    public PingTraffic(LabCluster lab, params IEnumerable<(Place From, string To)> ways)
    {
        foreach (var (from, to) in ways)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"ping-{_pings.Count}");
            _pings.Add(LabProcess.Start(from, name, Path.Combine(lab.Directory, $"{name}.log"), "ping", "-n", "-q", "-i", "0.1", to));
        }
    }

    public void Dispose() => _pings.ForEach(p => p.Dispose());
}
