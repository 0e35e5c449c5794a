namespace Redoubt.Core.Configuration;

/// <summary>A text that must not appear in logs, diffs or error messages.</summary>
/// <param name="Text">The secret itself.</param>
public readonly record struct Secret(string Text)
{
    /// <summary>No secret given.</summary>
    public bool IsEmpty => string.IsNullOrEmpty(Text);

    /// <summary>Always "***", so that a record that holds a secret can be printed.</summary>
    public override string ToString() => "***";
}
