using Redoubt.Control;
using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.Configuration;

/// <summary>Users and privileges: they live in the configuration alone, and logging in asks the ones that are in force.</summary>
internal sealed class AccountApplier : IConfigApplier
{
    private volatile Accounts _accounts = Accounts.None;

    /// <summary>Who may log in.</summary>
    public Accounts Current => _accounts;

    /// <inheritdoc/>
    public string Name => "users";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } = ["system"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies)
    {
        Accounts.Read(next.Document, "", out var problems);
        return problems.Select(ConfigSnapshot.Told);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next)
    {
        var before = (current is null ? Accounts.None : Read(current)).All.ToDictionary(a => a.Name);
        var after = Read(next).All.ToDictionary(a => a.Name);
        List<string> lines = [];
        Say(lines, "users added", after.Keys.Except(before.Keys));
        Say(lines, "users removed", before.Keys.Except(after.Keys));
        Say(lines, "users changed", after.Keys.Intersect(before.Keys).Where(n => !Same(before[n], after[n])));
        return lines;
    }

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        _accounts = Read(next);
        return null;
    }

    private static Accounts Read(ConfigSnapshot snapshot) => Accounts.Read(snapshot.Document, "", out _);

    private static bool Same(Account a, Account b) =>
        a with { Privileges = [], Groups = [] } == b with { Privileges = [], Groups = [] }
        && a.Privileges.SetEquals(b.Privileges)
        && a.Groups.SequenceEqual(b.Groups);

    private static void Say(List<string> lines, string what, IEnumerable<string> names)
    {
        var all = names.ToList();
        if (all.Count > 0)
            lines.Add($"{what}: {string.Join(", ", all.Take(10))}{(all.Count > 10 ? ", ..." : "")}");
    }
}
