namespace Redoubt.Daemon.Configuration;

/// <summary>Who changes the configuration, and on what terms.</summary>
/// <param name="User">Who.</param>
/// <param name="Reason">Why, or empty.</param>
/// <param name="BasedOn">Digest of the document that was edited, or null.</param>
/// <param name="ConfirmSeconds">Seconds until it is taken back unless confirmed; 0: it stays.</param>
internal sealed record ConfigChangeOrigin(string User, string Reason, string? BasedOn = null, int ConfirmSeconds = 0);
