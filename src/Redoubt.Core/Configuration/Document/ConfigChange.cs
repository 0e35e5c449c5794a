namespace Redoubt.Core.Configuration.Document;

/// <summary>What became of an element.</summary>
public enum ConfigChangeKind : byte
{
    /// <summary>It is new.</summary>
    Added,

    /// <summary>It is gone.</summary>
    Removed,

    /// <summary>Its text is another one.</summary>
    Changed,

    /// <summary>An item of a list stands elsewhere among the others.</summary>
    Moved,
}

/// <summary>One difference between two configurations.</summary>
/// <param name="Path">Where: "filter/rule[3]/descr"; the index counts from 1 among elements of that name, in the old document for what is gone, else in the new one.</param>
/// <param name="Kind">What became of it.</param>
/// <param name="Old">The former text, or for an element with others inside a short description of it; empty where there was none. Secrets are masked.</param>
/// <param name="New">The same of what is there now.</param>
public sealed record ConfigChange(string Path, ConfigChangeKind Kind, string Old, string New)
{
    /// <inheritdoc />
    public override string ToString() =>
        Kind switch
        {
            ConfigChangeKind.Added => $"+ {Path}: {New}",
            ConfigChangeKind.Removed => $"- {Path}: {Old}",
            ConfigChangeKind.Moved => $"> {Path}: {New}",
            _ => $"* {Path}: {Old} -> {New}",
        };
}
