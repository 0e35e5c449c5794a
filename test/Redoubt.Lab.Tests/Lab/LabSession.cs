using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>Labs for tests; skips the test where the process may not make network namespaces.</summary>
internal static class LabSession
{
    public static LabCluster Build(LabOptions options)
    {
        SkipWithoutNamespaces();
        return new LabCluster(options);
    }

    public static LabCluster Start(params NodeOptions[] nodes)
    {
        SkipWithoutNamespaces();
        return LabCluster.Start(nodes);
    }

    /// <summary>Redoubt nodes without state sync.</summary>
    public static NodeOptions[] Quiet(int count) => [.. Enumerable.Repeat(new RedoubtOptions { StateSync = false }, count)];

    public static void SkipWithoutNamespaces()
    {
        try
        {
            LabSpace.Check();
        }
        catch (LabException e)
        {
            Assert.Skip(e.Message);
        }
    }
}
