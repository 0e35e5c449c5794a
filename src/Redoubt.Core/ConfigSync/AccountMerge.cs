using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>
/// Users and groups of a push. Those of the system (uid below 2000, gid below 1999) stay as they are here, unless the primary says that the built-in users travel
/// too; all others become the primary's.
/// </summary>
internal static class AccountMerge
{
    private const int FirstUser = 2000;
    private const int FirstGroup = 1999;
    private const int LastOrdinary = 65000;

    /// <summary>The users after a push.</summary>
    /// <param name="local">Users here.</param>
    /// <param name="received">Users of the primary.</param>
    /// <param name="adminSync">Whether the built-in ones travel too.</param>
    /// <param name="caller">The account that pushes: it is never removed, or the next push would find no account.</param>
    /// <param name="problems">Takes what is kept against the primary.</param>
    public static ImmutableArray<ConfigNode> Users(
        IReadOnlyList<ConfigNode> local,
        ImmutableArray<ConfigNode> received,
        bool adminSync,
        string? caller,
        SyncProblems problems
    ) =>
        Merge(
            local,
            received,
            (own, sent) => !adminSync && (Number(own, "uid") < FirstUser || Number(sent, "uid") < FirstUser),
            own => Number(own, "uid") is < FirstUser or > LastOrdinary || IsCaller(own, caller, problems)
        );

    /// <summary>The groups after a push.</summary>
    public static ImmutableArray<ConfigNode> Groups(IReadOnlyList<ConfigNode> local, ImmutableArray<ConfigNode> received) =>
        Merge(
            local,
            received,
            (own, sent) => Number(own, "gid") < FirstGroup || Number(sent, "gid") < FirstGroup,
            own => Number(own, "gid") is < FirstGroup or > LastOrdinary
        );

    private static ImmutableArray<ConfigNode> Merge(
        IReadOnlyList<ConfigNode> local,
        ImmutableArray<ConfigNode> received,
        Func<ConfigNode, ConfigNode, bool> isKept,
        Func<ConfigNode, bool> survives
    )
    {
        var own = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        foreach (var account in local)
            own.TryAdd(account.Value("name"), account);
        var merged = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        foreach (var account in received)
        {
            var name = account.Value("name");
            merged.TryAdd(name, own.TryGetValue(name, out var here) && isKept(here, account) ? here : account);
        }
        foreach (var (name, account) in own)
        {
            if (!merged.ContainsKey(name) && survives(account))
                merged.Add(name, account);
        }
        return
        [
            .. merged.OrderBy(a => a.Key, StringComparer.OrdinalIgnoreCase).ThenBy(a => a.Key, StringComparer.Ordinal).Select(a => a.Value),
        ];
    }

    private static bool IsCaller(ConfigNode account, string? caller, SyncProblems problems)
    {
        if (caller is null || account.Value("name") != caller)
            return false;
        problems.Note("system/user", "the account that pushes is not on the primary: it stays here");
        return true;
    }

    /// <summary>Whether an account of that list belongs to the system.</summary>
    public static bool IsBuiltIn(ConfigNode account) =>
        account.Name == "user"
            ? Number(account, "uid") is < FirstUser or > LastOrdinary
            : Number(account, "gid") is < FirstGroup or > LastOrdinary;

    // A number that is missing or none counts as 0, as in PHP: such an account is the system's.
    private static int Number(ConfigNode account, string name) =>
        int.TryParse(account.Value(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
