using System.Text;
using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Daemon.Configuration;
using Redoubt.Daemon.Events;

namespace Redoubt.Tests.Store;

public sealed class PasswordTests : IDisposable
{
    // pfSense's default password, "pfsense", as its factory configuration has it.
    private const string Bcrypt = "$2b$10$13u6qwCOwODv34GyCMgdWub6oQF3RX0rG7c3d3X4JvzuEmAXLYDd2";

    private readonly EventLog _events = new(null);
    private readonly ManualTime _clock = new();
    private readonly Authentication _authentication;
    private Accounts _accounts;

    public PasswordTests()
    {
        var alice = PasswordHash.Make("correct horse", out _)!;
        _accounts = Read(
            $"<user><name>admin</name><uid>0</uid><bcrypt-hash>{Bcrypt}</bcrypt-hash></user>"
                + $"<user><name>alice</name><uid>2000</uid><bcrypt-hash>{alice}</bcrypt-hash><priv>page-status</priv></user>"
                + $"<user><name>sync</name><uid>2001</uid><bcrypt-hash>{alice}</bcrypt-hash></user>"
                + $"<user><name>gone</name><uid>2002</uid><bcrypt-hash>{alice}</bcrypt-hash><disabled/></user>"
                + $"<user><name>past</name><uid>2003</uid><bcrypt-hash>{alice}</bcrypt-hash><expires>01/01/2026</expires></user>"
                + "<group><name>ha</name><gid>2000</gid><member>2001</member><priv>system-xmlrpc-ha-sync</priv></group>"
        );
        _authentication = new Authentication(() => _accounts, _events, _clock);
    }

    public void Dispose()
    {
        _authentication.Dispose();
        _events.Dispose();
    }

    [Fact]
    public void Hashes_of_other_programs_are_checked()
    {
        Assert.True(PasswordHash.Matches("pfsense", Bcrypt));
        Assert.True(PasswordHash.Matches("pfsense", Bcrypt.Replace("$2b$", "$2y$", StringComparison.Ordinal)));
        Assert.True(
            PasswordHash.Matches(
                "Hello world!",
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
            )
        );
        Assert.True(PasswordHash.Matches("pfsense", "$y$j9T$saltsaltsalt$ac/fLj4e32Bd0yncpebeXxA40LhLdJ4vfWj6g8a5136")); // crypt(3) of Debian's perl
        Assert.False(PasswordHash.Matches("Pfsense", Bcrypt));
        Assert.False(
            PasswordHash.Matches(
                "Hello world?",
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
            )
        );
    }

    [Fact]
    public void A_new_hash_fits_its_password_alone_and_has_a_salt_of_its_own()
    {
        var hash = PasswordHash.Make("päss wörd", out _)!;

        Assert.StartsWith("$2y$10$", hash, StringComparison.Ordinal);
        Assert.True(PasswordHash.Matches("päss wörd", hash));
        Assert.False(PasswordHash.Matches("päss word", hash));
        Assert.NotEqual(hash, PasswordHash.Make("päss wörd", out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("with\0zero")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789012")]
    public void A_password_that_bcrypt_would_cut_is_refused(string password)
    {
        Assert.Null(PasswordHash.Make(password, out var fault));
        Assert.NotEmpty(fault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("plain")]
    [InlineData("$1$md5$xxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("$2y$10$short")]
    public void A_hash_that_is_none_fits_nothing(string hash)
    {
        Assert.False(PasswordHash.Matches("", hash));
        Assert.False(PasswordHash.Matches(hash, hash));
    }

    [Fact]
    public void The_right_password_and_privilege_get_in()
    {
        Assert.True(Login("admin", "pfsense", "system-xmlrpc-ha-sync").Ok);
        Assert.True(Login("sync", "correct horse", "system-xmlrpc-ha-sync").Ok); // by its group
        Assert.True(Login("alice", "correct horse", "page-status").Ok);
        Assert.Equal(Authentication.NoPrivilege, Login("alice", "correct horse", "system-xmlrpc-ha-sync").FaultCode);
    }

    [Theory]
    [InlineData("admin", "wrong")]
    [InlineData("nobody", "correct horse")]
    [InlineData("gone", "correct horse")]
    [InlineData("past", "correct horse")]
    public void Everybody_else_gets_the_same_answer(string user, string password)
    {
        var reply = Login(user, password, null);

        Assert.Equal(
            (false, Authentication.BadPassword, "Authentication failed: Invalid username or password"),
            (reply.Ok, reply.FaultCode, reply.Message)
        );
        Assert.DoesNotContain(password, string.Join('|', _events.Snapshot().Select(e => e.Message)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_that_fails_has_to_wait_ever_longer_and_another_one_has_not()
    {
        for (var i = 0; i < 4; i++)
            Login("admin", "wrong", null, "192.0.2.1");

        var early = Login("admin", "pfsense", null, "192.0.2.1");
        var other = Login("alice", "correct horse", null, "192.0.2.2");
        _clock.Pass(1);
        var later = Login("admin", "pfsense", null, "192.0.2.1");

        Assert.False(early.Ok);
        Assert.InRange(early.RetryAfterMs!.Value, 1, 60_000);
        Assert.True(other.Ok);
        Assert.True(later.Ok);
    }

    [Fact]
    public void Who_was_right_a_moment_ago_is_out_as_soon_as_the_account_says_so()
    {
        Assert.True(Login("sync", "correct horse", "system-xmlrpc-ha-sync").Ok);
        Assert.True(Login("sync", "correct horse", "system-xmlrpc-ha-sync").Ok);
        Assert.False(Login("sync", "correct horsE", "system-xmlrpc-ha-sync").Ok);
        var hash = _accounts.Find("sync")!.Hash.Text;

        _accounts = Read($"<user><name>sync</name><uid>2001</uid><bcrypt-hash>{hash}</bcrypt-hash></user>");
        Assert.Equal(Authentication.NoPrivilege, Login("sync", "correct horse", "system-xmlrpc-ha-sync").FaultCode);
        _accounts = Read($"<user><name>sync</name><uid>2001</uid><bcrypt-hash>{hash}</bcrypt-hash><disabled/></user>");
        Assert.Equal(Authentication.BadPassword, Login("sync", "correct horse", null).FaultCode);
        _accounts = Read($"<user><name>sync</name><uid>2001</uid><bcrypt-hash>{PasswordHash.Make("new one", out _)}</bcrypt-hash></user>");
        Assert.Equal(Authentication.BadPassword, Login("sync", "correct horse", null).FaultCode);
        Assert.True(Login("sync", "new one", null).Ok);
        _accounts = Read("");
        Assert.Equal(Authentication.BadPassword, Login("sync", "new one", null).FaultCode);
    }

    [Fact]
    public void An_account_under_attack_from_many_sources_is_slowed_down_and_not_locked()
    {
        for (var i = 0; i < 12; i++)
        {
            Login("admin", "wrong", null, $"198.51.100.{i}");
            _clock.Pass(2);
        }
        Login("admin", "wrong", null, "198.51.100.99");
        Assert.False(Login("admin", "pfsense", null, "192.0.2.9").Ok);
        _clock.Pass(2);

        Assert.True(Login("admin", "pfsense", null, "192.0.2.9").Ok);
    }

    [Fact]
    public void A_number_that_two_users_share_gives_neither_the_rights_of_a_group()
    {
        const string Group = "<group><name>ha</name><gid>2000</gid><member>2001</member><priv>p</priv></group>";
        const string One = "<user><name>one</name><uid>2001</uid><bcrypt-hash>x</bcrypt-hash></user>";

        Assert.True(Read(One + Group).Find("one")!.Has("p"));
        var shared = Read(One + "<user><name>two</name><uid>2001</uid><bcrypt-hash>x</bcrypt-hash></user>" + Group);
        Assert.False(shared.Find("one")!.Has("p"));
        Assert.False(shared.Find("two")!.Has("p"));
    }

    [Fact]
    public void Users_are_added_changed_and_deleted_in_the_document()
    {
        ConfigDocument.TryRead(StoreBench.Document("x"), out var document, out _);

        var added = AccountEdit.Add(document!, "bob", "Bob", Bcrypt, ["a", "b"], out _)!;
        var granted = AccountEdit.SetPrivileges(added, "bob", ["c"], ["a"], out _)!;

        Assert.Null(AccountEdit.Add(added, "bob", "", Bcrypt, [], out var twice));
        Assert.Contains("already", twice, StringComparison.Ordinal);
        Assert.Null(AccountEdit.Add(added, "b;ob", "", Bcrypt, [], out _));
        Assert.Equal(["b", "c"], Accounts.Read(granted, "", out _).Find("bob")!.Privileges);
        Assert.Equal(2000, Accounts.Read(granted, "", out _).Find("bob")!.Uid);
        // Without groups a push would not carry users.
        Assert.Equal(["all", "admins"], granted.Section("system")!.All("group").Select(g => g.Value("name")));
        Assert.Equal(2, AccountEdit.Add(granted, "eva", "", Bcrypt, [], out _)!.Section("system")!.All("group").Count());
        Assert.Null(Accounts.Read(AccountEdit.Delete(granted, "bob", out _)!, "", out _).Find("bob"));
        Assert.Null(AccountEdit.Delete(granted, "eve", out var none));
        Assert.Contains("no user", none, StringComparison.Ordinal);
    }

    private ControlReply Login(string user, string password, string? privilege, string address = "192.0.2.77") =>
        _authentication.Check(
            new AuthRequest
            {
                User = user,
                Password = password,
                Privilege = privilege,
                Address = address,
            }
        );

    private static Accounts Read(string system)
    {
        var xml = Encoding.UTF8.GetBytes($"<pfsense><system>{system}</system></pfsense>");
        Assert.True(ConfigDocument.TryRead(xml, out var document, out _));
        var accounts = Accounts.Read(document!, "", out var problems);
        Assert.DoesNotContain(problems, p => p.IsError);
        return accounts;
    }
}
