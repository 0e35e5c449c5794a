using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>One product user (system/user); not a user of the operating system.</summary>
public sealed record Account
{
    /// <summary>system/user/name.</summary>
    public required string Name { get; init; }

    /// <summary>system/user/uid; 0 is the first administrator, who may everything. -1 where the file names none.</summary>
    public required int Uid { get; init; }

    /// <summary>crypt(3) hash of the password; empty: nobody gets in by a password.</summary>
    public Secret Hash { get; init; }

    /// <summary>The account is switched off.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Last day on which it can be used (pfSense's MM/DD/YYYY); null: for ever.</summary>
    public DateOnly? Expires { get; init; }

    /// <summary>Text for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>Its own privileges and those of its groups.</summary>
    public ImmutableSortedSet<string> Privileges { get; init; } = [];

    /// <summary>Names of its groups.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>Whether it may log in on that day.</summary>
    public bool IsUsable(DateOnly today) => !IsDisabled && (Expires is not { } last || today <= last);

    /// <summary>Whether it has the privilege; the first administrator and "page-all" for pages have them all.</summary>
    public bool Has(string privilege) =>
        Uid == 0
        || Privileges.Contains(privilege)
        || (privilege.StartsWith("page-", StringComparison.Ordinal) && Privileges.Contains("page-all"));
}

/// <summary>The product's users and their rights, as system/user and system/group say.</summary>
public sealed class Accounts
{
    /// <summary>Most users, and most groups.</summary>
    public const int Limit = 10_000;

    private readonly Dictionary<string, Account> _byName;

    private Accounts(Dictionary<string, Account> byName) => _byName = byName;

    /// <summary>Nobody.</summary>
    public static Accounts None { get; } = new([]);

    /// <summary>All, by name.</summary>
    public IEnumerable<Account> All => _byName.Values.OrderBy(a => a.Uid).ThenBy(a => a.Name, StringComparer.Ordinal);

    /// <summary>The user of that name, or null. Names are told apart by case.</summary>
    public Account? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Reads them; of two users of one name the first counts, and <paramref name="problems"/> says so.</summary>
    public static Accounts Read(ConfigDocument document, string file, out ImmutableArray<ConfigurationProblem> problems)
    {
        var found = ImmutableArray.CreateBuilder<ConfigurationProblem>();
        var accounts = new Dictionary<string, Account>();
        var shared = Shared(document);
        var groups = Groups(document);
        var index = 0;
        foreach (var entry in document.Section("system")?.All("user").Take(Limit) ?? [])
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"system/user[{++index}]");
            var name = entry.Value("name");
            var uid = int.TryParse(entry.Value("uid"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
            if (name.Length == 0)
            {
                found.Add(new ConfigurationProblem(false, file, entry.Line, at, "a user without a name cannot log in", ""));
                continue;
            }
            var own = groups.Where(g => uid >= 0 && !shared.Contains(uid) && g.Members.Contains(uid)).ToList();
            var account = new Account
            {
                Name = name,
                Uid = uid,
                Hash = new Secret(HashOf(entry)),
                IsDisabled = entry.Has("disabled"),
                Expires = Date(entry.Value("expires")),
                Description = entry.Value("descr"),
                Privileges =
                [
                    .. entry
                        .All("priv")
                        .Concat(own.SelectMany(g => g.Node.All("priv")))
                        .Select(p => p.Text.Trim())
                        .Where(p => p.Length > 0),
                ],
                Groups = [.. own.Select(g => g.Node.Value("name"))],
            };
            if (!accounts.TryAdd(name, account))
                found.Add(new ConfigurationProblem(true, file, entry.Line, at, "there are two users of that name", "one"));
            else if (shared.Contains(uid))
                found.Add(
                    new ConfigurationProblem(
                        false,
                        file,
                        entry.Line,
                        $"{at}/uid",
                        "there are two users of that number: the groups that name it count for neither",
                        "numbers of their own"
                    )
                );
            if (account.Hash.IsEmpty)
                found.Add(
                    new ConfigurationProblem(
                        false,
                        file,
                        entry.Line,
                        at,
                        "the user has no password hash of a kind that is known, and cannot log in",
                        "bcrypt-hash or sha512-hash"
                    )
                );
        }
        problems = found.ToImmutable();
        return new Accounts(accounts);
    }

    // Groups name numbers: one that two users have must not give the one the other's rights.
    private static HashSet<int> Shared(ConfigDocument document) =>
        [
            .. (document.Section("system")?.All("user").Take(Limit) ?? [])
                .Select(u => int.TryParse(u.Value("uid"), NumberStyles.None, CultureInfo.InvariantCulture, out var uid) ? uid : -1)
                .Where(u => u >= 0)
                .GroupBy(u => u)
                .Where(g => g.Count() > 1)
                .Select(g => g.Key),
        ];

    private static string HashOf(ConfigNode user)
    {
        var hash = user.Value("bcrypt-hash");
        return hash.Length > 0 ? hash : user.Value("sha512-hash");
    }

    private static List<(ConfigNode Node, HashSet<int> Members)> Groups(ConfigDocument document) =>
        [
            .. (document.Section("system")?.All("group").Take(Limit) ?? []).Select(g =>
                (
                    g,
                    g.All("member")
                        .Select(m => int.TryParse(m.Text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var uid) ? uid : -1)
                        .ToHashSet()
                )
            ),
        ];

    private static DateOnly? Date(string text) =>
        DateOnly.TryParseExact(text, ["MM/dd/yyyy", "M/d/yyyy"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            ? date
            : null;
}
