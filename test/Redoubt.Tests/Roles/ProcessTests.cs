using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Processes;
using Redoubt.Daemon.Roles;

namespace Redoubt.Tests.Roles;

public sealed class ProcessTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-roles-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string Program(UnixFileMode others = UnixFileMode.None)
    {
        var path = Path.Combine(_directory, "hook");
        File.WriteAllText(path, "#!/bin/sh\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | others);
        return path;
    }

    [Fact]
    public void A_program_that_only_its_owner_may_write_is_trusted()
    {
        Assert.Equal(ProgramTrust.Verdict.Trusted, ProgramTrust.Look(Program(UnixFileMode.OtherRead), out var why));
        Assert.Equal("", why);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_program_that_others_may_write_is_refused(UnixFileMode mode)
    {
        Assert.Equal(ProgramTrust.Verdict.Refused, ProgramTrust.Look(Program(mode), out var why));
        Assert.Contains("may be written by others", why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_in_a_directory_that_others_may_write_is_refused_also_behind_a_link()
    {
        var path = Program();
        var links = Directory.CreateDirectory(Path.Combine(_directory, "links")).FullName;
        File.CreateSymbolicLink(Path.Combine(links, "hook"), path);
        Assert.Equal(ProgramTrust.Verdict.Trusted, ProgramTrust.Look(Path.Combine(links, "hook"), out _));
        File.SetUnixFileMode(_directory, File.GetUnixFileMode(_directory) | UnixFileMode.OtherWrite);
        foreach (var name in new[] { path, Path.Combine(links, "hook") })
        {
            Assert.Equal(ProgramTrust.Verdict.Refused, ProgramTrust.Look(name, out var why));
            Assert.Contains(_directory, why, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_missing_is_missing_and_what_is_no_program_is_refused()
    {
        Assert.Equal(ProgramTrust.Verdict.Missing, ProgramTrust.Look(Path.Combine(_directory, "none"), out _));
        Assert.Equal(ProgramTrust.Verdict.Refused, ProgramTrust.Look(_directory, out var why));
        Assert.Contains("is no file", why, StringComparison.Ordinal);
        var path = Program();
        File.SetUnixFileMode(path, UnixFileMode.UserRead);
        Assert.Equal(ProgramTrust.Verdict.Refused, ProgramTrust.Look(path, out why));
        Assert.Contains("not executable", why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "0123 ...")]
    [InlineData(true, "... 6789")]
    public void Output_is_kept_up_to_its_limit_at_the_beginning_or_at_the_end(bool keepsEnd, string kept)
    {
        foreach (var pieces in new[] { new[] { "0123456789" }, ["01", "23456", "789"], ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] })
        {
            var output = new BoundedOutput(4, keepsEnd);
            foreach (var piece in pieces)
                output.Add(System.Text.Encoding.ASCII.GetBytes(piece));
            Assert.Equal(kept, output.Text);
        }
    }

    [Fact]
    public void Output_is_one_line_without_control_characters()
    {
        var output = new BoundedOutput(100, keepsEnd: false);
        output.Add("one\ntwo\u001b[31m\n"u8);
        Assert.Equal("one two [31m", output.Text);
    }

    [Fact]
    public void What_hooks_were_told_is_kept_over_a_restart_but_not_over_a_new_boot()
    {
        var told = new Dictionary<string, CarpState> { ["lan@1"] = CarpState.Master, ["group main"] = CarpState.Backup };
        Assert.Null(new HookMemory(_directory, "boot-1").Write(told));
        Assert.Equal(told, new HookMemory(_directory, "boot-1").Read());
        Assert.Empty(new HookMemory(_directory, "boot-2").Read());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"boot\":\"b\"}")]
    [InlineData("{\"boot\":\"b\",\"told\":{\"lan@1\":\"KING\"}}")]
    [InlineData("{\"boot\":\"b\",\"told\":[")]
    public void A_damaged_memory_is_none(string text)
    {
        File.WriteAllText(Path.Combine(_directory, "hooks.json"), text);
        Assert.Empty(new HookMemory(_directory, "b").Read());
    }

    [Fact]
    public void A_memory_that_cannot_be_written_says_so() =>
        Assert.NotNull(new HookMemory(Path.Combine(_directory, "none"), "b").Write(new Dictionary<string, CarpState>()));

    [Theory]
    [InlineData(CarpState.Master, false, "carp-master")]
    [InlineData(CarpState.Backup, false, "carp-backup")]
    [InlineData(CarpState.Init, false, "carp-init carp-backup")]
    [InlineData(CarpState.Master, true, "group-master")]
    [InlineData(CarpState.Backup, true, "group-backup")]
    [InlineData(CarpState.Init, true, "group-fault group-backup")]
    public void A_role_has_its_hook_and_losing_it_is_told_to_the_backups_where_there_is_no_other(
        CarpState state,
        bool isGroup,
        string names
    ) => Assert.Equal(names, string.Join(' ', HookRun.Names(HookQueueTests.Change("a", state) with { IsGroup = isGroup })));

    [Fact]
    public void A_hook_finds_a_small_environment_without_anything_of_the_daemons()
    {
        var change = HookQueueTests.Change("lan@1", CarpState.Master) with { Device = "eth0", Epoch = 7, Reason = "a\nb" };
        Assert.Equal(
            "LC_ALL PATH REDOUBT_DEVICE=eth0 REDOUBT_EPOCH=7 REDOUBT_GROUP=main REDOUBT_NODE=fw1 REDOUBT_REASON=a b REDOUBT_STATE=MASTER",
            string.Join(
                ' ',
                HookRun
                    .Environment(change, "fw1")
                    .OrderBy(e => e.Key, StringComparer.Ordinal)
                    .Select(e => e.Key is "PATH" or "LC_ALL" ? e.Key : $"{e.Key}={e.Value}")
            )
        );
        Assert.DoesNotContain("REDOUBT_EPOCH", HookRun.Environment(change with { Epoch = null }, "fw1").Keys);
    }

    private static AddressPrefix Prefix(string text) =>
        AddressPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);

    [Fact]
    public void Router_advertisements_are_written_as_radvd_reads_them()
    {
        var source = Prefix("fe80::1/64");
        var prefix = Prefix("2001:db8:1::/64");
        var wide = Prefix("2001:db8:2::/56");
        var resolver = Prefix("2001:db8:1::53/128");
        var text = RouterAdvertiser.Text(
            new RouterAdvertisement("lan", "lan@1", 1, false, "eth0", source, [prefix, wide], 1800, [resolver]),
            "rd2.1"
        );
        Assert.Equal(
            """
            interface rd2.1 {
                AdvSendAdvert on;
                MinRtrAdvInterval 200;
                MaxRtrAdvInterval 600;
                AdvDefaultLifetime 1800;
                AdvRASrcAddress { fe80::1; };
                prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; };
                prefix 2001:db8:2::/56 { AdvOnLink on; AdvAutonomous off; };
                RDNSS 2001:db8:1::53 { };
            };

            """,
            text
        );
    }
}
