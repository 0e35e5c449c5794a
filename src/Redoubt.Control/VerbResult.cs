namespace Redoubt.Control;

/// <summary>How a verb that changes something ended.</summary>
/// <param name="Ok">True when it was done; false when it was refused or failed.</param>
/// <param name="Message">What was done, or why not; one sentence for people.</param>
public sealed record VerbResult(bool Ok, string Message)
{
    /// <summary>The verb was done.</summary>
    public static VerbResult Done(string message) => new(true, message);

    /// <summary>The verb was refused or failed, and nothing was changed unless the message says so.</summary>
    public static VerbResult Refused(string message) => new(false, message);
}
