namespace Redoubt.Daemon.Configuration;

/// <summary>Who changes the configuration, and on what terms.</summary>
/// <param name="User">Who.</param>
/// <param name="Reason">Why, or empty.</param>
/// <param name="BasedOn">Digest of the document that was edited, or null.</param>
/// <param name="ConfirmSeconds">Seconds until it is taken back unless confirmed; 0: it stays.</param>
internal sealed record ConfigChangeOrigin(string User, string Reason, string? BasedOn = null, int ConfirmSeconds = 0)
{
    /// <summary>Whether the change may name programs that the daemon runs. redoubt-web may not: it has no power, and must not get any this way.</summary>
    public bool MayNamePrograms { get; init; } = true;
}
