namespace Redoubt.Core.ConfigSync;

/// <summary>Why a push is not taken, or what of it was not.</summary>
/// <param name="Path">Where in the pushed struct: "filter/rule[3]/source"; the index counts from 1.</param>
/// <param name="Message">What is wrong. Never holds a secret.</param>
public sealed record SyncProblem(string Path, string Message)
{
    /// <inheritdoc />
    public override string ToString() => Path.Length == 0 ? Message : $"{Path}: {Message}";
}
