using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>Changes of users in a document: each gives another document, or says why not.</summary>
public static class AccountEdit
{
    private const int FirstUid = 2000; // pfSense's
    private const int NameLimit = 32;
    private static readonly string[] _hashes = ["bcrypt-hash", "sha512-hash", "md5-hash"];

    /// <summary>Adds a user.</summary>
    public static ConfigDocument? Add(
        ConfigDocument document,
        string name,
        string description,
        string hash,
        IEnumerable<string> privileges,
        out string fault
    )
    {
        fault = "";
        if (name.Length is < 1 or > NameLimit || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') || name[0] == '-')
            fault = $"a user's name has 1 to {NameLimit} letters, digits and . _ -";
        else if (Find(document, name) is not null)
            fault = $"there is a user {name} already";
        if (fault.Length > 0)
            return null;
        var system = document.Section("system") ?? ConfigNode.Section("system");
        var used = system.All("user").Select(u => Number(u.Value("uid"))).ToHashSet();
        var uid = Math.Max(FirstUid, Number(system.Value("nextuid")));
        while (used.Contains(uid))
            uid++;
        ImmutableArray<ConfigNode> fields =
        [
            ConfigNode.Leaf("name", name),
            ConfigNode.Leaf("descr", description),
            ConfigNode.Leaf("scope", "user"),
            ConfigNode.Leaf("bcrypt-hash", hash),
            ConfigNode.Leaf("uid", Text(uid)),
            .. privileges.Distinct().Select(p => ConfigNode.Leaf("priv", p)),
        ];
        system = WithGroups(system)
            .WithAll("user", system.All("user").Append(ConfigNode.Section("user", fields)))
            .With(ConfigNode.Leaf("nextuid", Text(uid + 1)));
        return document.With(document.Root.With(system));
    }

    // pfSense's two groups, where a file has none at all: a push takes accounts only where it holds users and groups.
    private static ConfigNode WithGroups(ConfigNode system)
    {
        if (system.All("group").Any())
            return system;
        ConfigNode Group(string name, string description, int gid, params ReadOnlySpan<ConfigNode> more) =>
            ConfigNode.Section(
                "group",
                [
                    ConfigNode.Leaf("name", name),
                    ConfigNode.Leaf("description", description),
                    ConfigNode.Leaf("scope", "system"),
                    ConfigNode.Leaf("gid", Text(gid)),
                    .. more,
                ]
            );
        return system.WithAll(
            "group",
            [
                Group("all", "All Users", 1998),
                Group("admins", "System Administrators", 1999, ConfigNode.Leaf("member", "0"), ConfigNode.Leaf("priv", "page-all")),
            ]
        );
    }

    /// <summary>Gives a user another password; hashes of other kinds go.</summary>
    public static ConfigDocument? SetHash(ConfigDocument document, string name, string hash, out string fault) =>
        Change(
            document,
            name,
            user =>
            {
                foreach (var kind in _hashes.Skip(1))
                    user = user.Without(kind);
                return user.With(ConfigNode.Leaf(_hashes[0], hash));
            },
            out fault
        );

    /// <summary>Grants and takes away privileges of the user's own.</summary>
    public static ConfigDocument? SetPrivileges(
        ConfigDocument document,
        string name,
        IReadOnlyList<string> grant,
        IReadOnlyList<string> revoke,
        out string fault
    ) =>
        Change(
            document,
            name,
            user =>
                user.WithAll(
                    "priv",
                    [
                        .. user.All("priv").Where(p => !revoke.Contains(p.Text.Trim())),
                        .. grant
                            .Distinct()
                            .Where(g => user.All("priv").All(p => p.Text.Trim() != g))
                            .Select(g => ConfigNode.Leaf("priv", g)),
                    ]
                ),
            out fault
        );

    /// <summary>Removes a user, also from the groups; never the first administrator.</summary>
    public static ConfigDocument? Delete(ConfigDocument document, string name, out string fault)
    {
        fault = "";
        if (Find(document, name) is not { } user)
            fault = $"there is no user {name}";
        else if (user.Value("uid") == "0")
            fault = $"{name} is the first administrator and stays";
        else
        {
            var system = document.Section("system")!;
            var uid = user.Value("uid");
            system = system
                .WithAll("user", system.All("user").Where(u => u != user))
                .WithAll("group", system.All("group").Select(g => g.WithAll("member", g.All("member").Where(m => m.Text.Trim() != uid))));
            return document.With(document.Root.With(system));
        }
        return null;
    }

    private static ConfigDocument? Change(ConfigDocument document, string name, Func<ConfigNode, ConfigNode> change, out string fault)
    {
        fault = "";
        if (Find(document, name) is not { } user)
        {
            fault = $"there is no user {name}";
            return null;
        }
        var system = document.Section("system")!;
        system = system.WithAll("user", system.All("user").Select(u => u == user ? change(u) : u));
        return document.With(document.Root.With(system));
    }

    private static ConfigNode? Find(ConfigDocument document, string name) =>
        document.Section("system")?.All("user").FirstOrDefault(u => u.Value("name") == name);

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < int.MaxValue ? number : 0;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
