using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>The network of the lab comes up, and goes away without a trace.</summary>
public sealed class TopologyTests
{
    [Fact]
    public void Hosts_and_firewalls_reach_each_other_on_their_segment_only()
    {
        using var lab = LabSession.Build(new LabOptions { Nodes = LabSession.Quiet(3) });
        var client = lab.Topology.Client;
        for (var number = 1; number <= 3; number++)
        {
            Assert.True(client.Pings(Topology.LanAddress(number)));
            Assert.True(client.Pings(Topology.LanAddress6(number)));
            Assert.True(lab.Topology.Server.Pings(Topology.WanAddress(number)));
            Assert.True(lab.Topology.Observer.Pings(Topology.WanAddress6(number)));
        }
        Assert.True(lab["fw1"].Place.Pings(Topology.SyncAddress(3)));
        Assert.False(client.Pings(Topology.LanVip, count: 1), "no daemon runs: nobody has the virtual address");
        Assert.False(lab.Topology.Server.Pings(Topology.ClientAddress, count: 1), "the server must have no way to the LAN");
    }

    [Fact]
    public void Without_IPv6_no_host_has_a_global_address_of_it()
    {
        using var lab = LabSession.Build(new LabOptions { Nodes = LabSession.Quiet(1), IPv6 = false });
        Assert.True(lab.Topology.Client.Pings(Topology.LanAddress(1)));
        Assert.DoesNotContain("fd00:", lab.Topology.Client.Execute("ip", "addr"), StringComparison.Ordinal);
        Assert.DoesNotContain("fd00:", lab["fw1"].Place.Execute("ip", "addr"), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_left_after_a_lab()
    {
        var lab = LabSession.Build(new LabOptions { Nodes = LabSession.Quiet(2) });
        var namespaces = lab.Topology.Places.Select(p => p.Execute("readlink", "/proc/self/ns/net").Trim()).ToHashSet();
        Assert.Equal(6, namespaces.Count);
        lab["fw1"].Start();
        var process = ((RedoubtNode)lab["fw1"]).Daemon!.Id;
        var directory = lab.Directory;
        Assert.True(Directory.Exists(directory));
        Assert.Contains(lab["fw1"].Place.Execute("readlink", "/proc/self/ns/net").Trim(), NamespacesInUse());

        lab.Dispose();

        Assert.False(Directory.Exists(directory));
        Assert.False(Directory.Exists($"/proc/{process}"));
        Assert.Empty(namespaces.Intersect(NamespacesInUse()));
        Assert.Empty(namespaces.Intersect(OwnDescriptors()));
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_names_there_are()
    {
        using var lab = LabSession.Build(new LabOptions { Nodes = LabSession.Quiet(1) });
        Assert.Contains("fw1.lan", Assert.Throws<LabException>(() => lab.Topology.Port("fw2.lan")).Message, StringComparison.Ordinal);
        Assert.Contains("client", Assert.Throws<LabException>(() => lab.Topology.Place("nobody")).Message, StringComparison.Ordinal);
        Assert.Contains("fw1", Assert.Throws<LabException>(() => lab["fw9"]).Message, StringComparison.Ordinal);
        Assert.Same(lab["fw1"].Lan, lab.Topology.Port("fw1.lan"));
    }

    private static HashSet<string> NamespacesInUse()
    {
        HashSet<string> found = [];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out _) && Target(Path.Combine(folder, "ns/net")) is { } name)
                found.Add(name);
        }
        return found;
    }

    private static IEnumerable<string> OwnDescriptors() =>
        Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(Target).OfType<string>();

    // Processes end while we look.
    private static string? Target(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
