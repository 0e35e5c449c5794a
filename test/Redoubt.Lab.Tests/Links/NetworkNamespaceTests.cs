using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;

namespace Redoubt.Lab.Tests.Links;

/// <summary>Namespaces held by a descriptor.</summary>
public sealed class NetworkNamespaceTests : IDisposable
{
    // Skips where namespaces are not permitted.
    private readonly ConntrackNamespace _permitted = new();

    public void Dispose() => _permitted.Dispose();

    [Fact]
    public void A_new_namespace_is_empty_and_the_calling_thread_stays_at_home()
    {
        var home = Id();
        using var made = NetworkNamespace.Create();
        Assert.Equal(home, Id());
        var inside = "";
        made.Run(() =>
        {
            inside = Id();
            using var route = new RouteNetlink();
            Assert.Equal("lo", Assert.Single(route.Links()).Name);
        });
        Assert.NotEqual(home, inside);
        Assert.Equal(home, Id());
    }

    [Fact]
    public void What_is_made_inside_stays_inside_and_the_descriptor_keeps_it_alive()
    {
        using var made = NetworkNamespace.Create();
        made.Run(() => System.Diagnostics.Process.Start("ip", "link add inner0 type veth peer name inner1").WaitForExit());
        using var route = new RouteNetlink();
        Assert.Null(route.Link("inner0"));
        made.Run(() =>
        {
            using var there = new RouteNetlink();
            Assert.NotNull(there.Link("inner0"));
        });
    }

    [Fact]
    public void A_socket_opened_inside_asks_inside_from_any_thread()
    {
        using var made = NetworkNamespace.Create();
        RouteNetlink? route = null;
        made.Run(() => route = new RouteNetlink());
        using (route)
            Assert.Equal("lo", Assert.Single(route!.Links()).Name);
    }

    [Fact]
    public void A_failure_inside_is_thrown_here()
    {
        using var made = NetworkNamespace.Create();
        var failure = Assert.Throws<KernelException>(() => made.Run(() => throw new KernelException("inside", Errno.Busy)));
        Assert.Equal(Errno.Busy, failure.Errno);
        made.Run(() => { });
    }

    private static string Id() => new FileInfo("/proc/thread-self/ns/net").LinkTarget!;
}
