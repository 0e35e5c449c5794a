using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.Cluster;

/// <summary>Whether a token may count on this node: everything that speaks against it at once.</summary>
public static class ClusterAdmission
{
    /// <summary>How long a token counts, seconds.</summary>
    public const int Lifetime = 3600;

    /// <summary>How far ahead of this node's clock a token's maker may be, seconds.</summary>
    public const int ClockTolerance = 60;

    /// <summary>
    /// What speaks against the token; empty: nothing. <paramref name="warnings"/> are worth a word and no more. <paramref name="force"/>: another cluster may
    /// be left for it.
    /// </summary>
    public static IReadOnlyList<string> Check(ClusterToken token, ClusterFacts facts, bool force, out IReadOnlyList<string> warnings)
    {
        List<string> faults = [];
        List<string> notes = [];
        CheckTime(token, facts, faults);
        CheckNames(token, facts, force, faults);
        CheckPlace(token, facts, faults);
        CheckInterfaces(token, facts, faults, notes);
        CheckVersions(token.Version, facts.Version, Called(token.Maker), faults, notes);
        if (!token.IsAnswer && facts.Secret is { } own && own.Fingerprint != token.Secret.Fingerprint && !force)
            faults.Add(
                $"this node is in a cluster already (secret {own.Fingerprint}, the invitation's is {token.Secret.Fingerprint}); --force leaves it"
            );
        if (token.Pin.Length == 0)
            notes.Add($"{Called(token.Maker)} had no certificate yet: nothing is pinned, and a push to it needs redoubt/configsync/pin");
        warnings = notes;
        return faults;
    }

    /// <summary>Which member of the token this node is; null: none of them.</summary>
    public static ClusterMember? Self(ClusterToken token, ClusterFacts facts) =>
        token.IsAnswer ? token.Members.FirstOrDefault(m => m.Id == facts.Id) : token.Invited;

    /// <summary>The member's name, or its address where it has none.</summary>
    public static string Called(ClusterMember member) => member.Name.Length > 0 ? member.Name : member.Addresses[0];

    private static void CheckTime(ClusterToken token, ClusterFacts facts, List<string> faults)
    {
        if (facts.Now - token.Created > Lifetime)
            faults.Add(
                Invariant(
                    $"the token is {(facts.Now - token.Created) / 60} minutes old and counts for {Lifetime / 60}: have a new one made, and compare the clocks"
                )
            );
        if (token.Created - facts.Now > ClockTolerance)
            faults.Add(Invariant($"the token comes {token.Created - facts.Now} s from the future: set the clocks of both nodes"));
    }

    private static void CheckNames(ClusterToken token, ClusterFacts facts, bool force, List<string> faults)
    {
        var all = token.Members.Add(token.Invited);
        if (all.Select(m => m.Id).Distinct().Count() != all.Length)
            faults.Add("two nodes of the token have the same id");
        var others = token.IsAnswer ? [token.Invited] : token.Members;
        foreach (var other in others.Where(o => string.Equals(facts.Name, o.Name, StringComparison.OrdinalIgnoreCase)))
            faults.Add(Invariant($"node {other.Id} is called {facts.Name} too: change system/hostname of one"));
        if (force && !token.IsAnswer)
            return; // who leaves a cluster leaves the id that he had there
        if (facts.Id == 0 || (token.IsAnswer ? token.Members.Any(m => m.Id == facts.Id) : facts.Id == token.Invited.Id))
            return;
        faults.Add(
            others.FirstOrDefault(o => o.Id == facts.Id) is { } twin
                ? Invariant($"this node's id is {facts.Id}, and so is that of {Called(twin)}: remove redoubt/node/id here, or change it")
                : Invariant($"this node's id is {facts.Id}, and the token is for {For(token)}")
        );
    }

    private static string For(ClusterToken token) =>
        token.IsAnswer ? Invariant($"node {string.Join(" or ", token.Members.Select(m => m.Id))}") : Invariant($"node {token.Invited.Id}");

    private static void CheckPlace(ClusterToken token, ClusterFacts facts, List<string> faults)
    {
        if (Self(token, facts) is not { } self)
        {
            if (facts.Id == 0)
                faults.Add("this node is not in the cluster that was joined");
            return;
        }
        foreach (
            var address in self.Addresses.Where(a => !facts.Addresses.Any(f => f.Address == a && token.SyncLinks.Contains(f.Interface)))
        )
            faults.Add($"the token is for the node with {address} on {string.Join(" or ", token.SyncLinks)}; this node has it not");
    }

    // States and pushed rules name interfaces: the same name has to mean the same network.
    private static void CheckInterfaces(ClusterToken token, ClusterFacts facts, List<string> faults, List<string> notes)
    {
        var maker = Called(token.Maker);
        var shared = facts.Interfaces.Intersect(token.Interfaces).ToList();
        if (!shared.SequenceEqual(token.Interfaces.Intersect(facts.Interfaces)))
            faults.Add(
                $"the interfaces are in another order: {string.Join(", ", facts.Interfaces)} here and {string.Join(", ", token.Interfaces)} on {maker}"
            );
        Missing(facts.Interfaces, token.Interfaces, "here", maker);
        Missing(token.Interfaces, facts.Interfaces, $"on {maker}", "this node");

        void Missing(ImmutableArray<string> there, ImmutableArray<string> wanted, string place, string owner)
        {
            var missing = wanted.Except(there).ToList();
            if (missing.Count > 0)
                notes.Add($"{string.Join(", ", missing)} of {owner} is missing {place}: what is pushed must not name it");
        }
    }

    // The version before and after this one may be in a cluster with it: that is how a cluster is updated.
    private static void CheckVersions(string theirs, string ours, string name, List<string> faults, List<string> notes)
    {
        if (!TryVersion(theirs, out var a) || !TryVersion(ours, out var b))
            notes.Add($"the versions {ours} here and {theirs} on {name} cannot be compared");
        else if (a.Major != b.Major || Math.Abs(a.Minor - b.Minor) > 1)
            faults.Add($"the versions are too far apart: {ours} here, {theirs} on {name}; at most one minor version may lie between them");
        else if (a.Minor != b.Minor)
            notes.Add($"the versions differ: {ours} here, {theirs} on {name}; update the older one");
    }

    private static bool TryVersion(string text, out (int Major, int Minor) version)
    {
        version = default;
        var parts = text.Split('.', '-', '+');
        return parts.Length >= 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out version.Major)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out version.Minor);
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
