using Redoubt.Control;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// What makes an area of the configuration true on this machine. A further area (DHCP, DNS, VPN) is one more of these; store, history, rollback and
/// synchronisation need not know it. Called by one thread at a time, never by the election's.
/// </summary>
internal interface IConfigApplier
{
    /// <summary>Its name in messages, "static routes".</summary>
    string Name { get; }

    /// <summary>Top-level sections that it acts on; a section that nobody names is "kept, not applied".</summary>
    IReadOnlyList<string> Sections { get; }

    /// <summary>
    /// What speaks against <paramref name="next"/>; changes nothing. <paramref name="applies"/> is false where nobody means to apply it: then
    /// the answer must be as thorough as applying would be.
    /// </summary>
    IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies);

    /// <summary>What applying would do, a line each; empty: nothing, and <see cref="Apply"/> is not called. No current one: at the start.</summary>
    IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next);

    /// <summary>Makes <paramref name="next"/> true; null, or why it could not. Where it could not, what was before is so still.</summary>
    string? Apply(ConfigSnapshot? current, ConfigSnapshot next);

    /// <summary>Makes what was before true again after an <see cref="Apply"/> that succeeded; null, or why it could not.</summary>
    string? Undo(ConfigSnapshot before, ConfigSnapshot applied) => Apply(applied, before);

    /// <summary>Canonical digest of what it acts on, hexadecimal.</summary>
    string Digest(ConfigSnapshot snapshot) => ConfigDigest.Of(Sections.Select(snapshot.Document.Section).OfType<ConfigNode>());
}
