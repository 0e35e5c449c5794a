namespace Redoubt.Tests.Vectors;

/// <summary>A folder of vectors whose files are messages as they went over the wire. Every subclass in this assembly is found by its folder.</summary>
public abstract class WireFolder
{
    /// <summary>The folder below the vectors' root.</summary>
    public abstract string Folder { get; }

    /// <summary>Which files in it are messages.</summary>
    public abstract string Pattern { get; }

    /// <summary>Executes one message; throws where it does not hold.</summary>
    public abstract void Run(byte[] message);

    public static IReadOnlyList<WireFolder> All { get; } =
    [
        .. typeof(WireFolder)
            .Assembly.GetTypes()
            .Where(t => t.IsSubclassOf(typeof(WireFolder)) && !t.IsAbstract)
            .Select(t => (WireFolder)Activator.CreateInstance(t)!),
    ];
}
