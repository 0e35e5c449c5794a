using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Every row of the table of users and groups, one by one.</summary>
public sealed class AccountTests
{
    private static string Users(params string[] users) => string.Concat(users.Select(u => Account("user", "uid", u)));

    private static string Groups(params string[] groups) => string.Concat(groups.Select(g => Account("group", "gid", g)));

    private static string Account(string tag, string id, string text)
    {
        var parts = text.Split(' ');
        return $"<{tag}><name>{parts[0]}</name><{id}>{parts[1]}</{id}><descr>{parts[2]}</descr></{tag}>";
    }

    private static string[] After(string localUsers, string localGroups, string users, string groups, string list, bool adminSync = false)
    {
        var local = Document($"<system>{localUsers}{localGroups}</system>");
        var push = $"<system>{users}{groups}</system>" + (adminSync ? "<hasync><adminsync>on</adminsync></hasync>" : "");
        var after = Restore(local, Push(push)).Candidate!;
        return [.. after.Root.First("system")!.All(list).Select(a => $"{a.Value("name")} {a.Value("descr")}")];
    }

    private static string[] UsersAfter(string local, string received, bool adminSync = false) =>
        After(
            Users(local.Split(',', StringSplitOptions.RemoveEmptyEntries)),
            "",
            Users(received.Split(',')),
            Groups("g 2000 x"),
            "user",
            adminSync
        );

    private static string[] GroupsAfter(string local, string received) =>
        After("", Groups(local.Split(',', StringSplitOptions.RemoveEmptyEntries)), Users("u 2000 x"), Groups(received.Split(',')), "group");

    [Fact]
    public void AnUnknownGroupIsAdded() => Assert.Equal(["g p"], GroupsAfter("", "g 2000 p"));

    [Fact]
    public void ASystemGroupStaysAsItIsHere() => Assert.Equal(["all s"], GroupsAfter("all 1998 s", "all 1998 p"));

    [Fact]
    public void AnotherGroupIsReplacedAlsoAdmins() =>
        Assert.Equal(["admins p", "g p"], GroupsAfter("admins 1999 s,g 2000 s", "admins 1999 p,g 2000 p"));

    [Fact]
    public void AGroupThatWasNotReceivedGoesUnlessItIsOfTheSystem() =>
        Assert.Equal(["all s", "g p", "high s"], GroupsAfter("all 1998 s,old 2001 s,high 65001 s", "g 2000 p"));

    [Fact]
    public void AnUnknownUserIsAddedWhateverTheUid() => Assert.Equal(["low p", "u p"], UsersAfter("", "u 2000 p,low 5 p"));

    [Fact]
    public void TheAdminStaysAsHeIsHere() => Assert.Equal(["admin s"], UsersAfter("admin 0 s", "admin 0 p"));

    [Fact]
    public void WithAdminsyncHeIsReplaced() => Assert.Equal(["admin p"], UsersAfter("admin 0 s", "admin 0 p", adminSync: true));

    [Fact]
    public void AnOrdinaryUserIsReplaced() => Assert.Equal(["u p"], UsersAfter("u 2000 s", "u 2000 p"));

    [Fact]
    public void AUserThatWasNotReceivedGoesUnlessHeIsOfTheSystem() =>
        Assert.Equal(["admin s", "high s", "u p"], UsersAfter("admin 0 s,old 2001 s,older 2002 s,oldest 2003 s,high 65001 s", "u 2000 p"));

    [Fact]
    public void ABuiltInAccountDoesNotBecomeAnotherByClaimingAHighUid() =>
        Assert.Equal(["admin s"], UsersAfter("admin 0 s", "admin 2005 p"));

    [Fact]
    public void BothListsEndSortedByName() => Assert.Equal(["a p", "B p", "c p"], UsersAfter("", "c 2002 p,B 2001 p,a 2000 p"));

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void WithoutBothListsNothingAboutAccountsIsTaken(bool hasUsers, bool hasGroups)
    {
        var push = $"<system>{(hasUsers ? Users("p 2000 p") : "")}{(hasGroups ? Groups("p 2000 p") : "")}<nextuid>9</nextuid></system>";
        const string Local =
            "<system><user><name>s</name><uid>2001</uid></user><group><name>s</name><gid>2001</gid></group><nextuid>3</nextuid></system>";
        var after = Restore(Document(Local), Push(push)).Candidate!;
        Assert.Equal(["s"], Texts(after, "system/user", "name"));
        Assert.Equal(["s"], Texts(after, "system/group", "name"));
        Assert.Equal("3", after.Root.Find("system/nextuid")!.Text);
    }

    [Fact]
    public void TheNextFreeNumbersAreThePrimarys()
    {
        var push = $"<system>{Users("p 2000 p")}{Groups("p 2000 p")}<nextuid>9</nextuid><nextgid>8</nextgid></system>";
        var after = Restore(Document("<system><nextuid>3</nextuid></system>"), Push(push)).Candidate!;
        Assert.Equal(("9", "8"), (after.Root.Find("system/nextuid")!.Text, after.Root.Find("system/nextgid")!.Text));
    }
}
