using Redoubt.Core.Carp;
using Redoubt.Core.Roles;

namespace Redoubt.Tests.Roles;

public class HookQueueTests
{
    private readonly HookQueue _queue = new(limit: 8);

    internal static RoleChange Change(string subject, CarpState state, bool isFirst = false) =>
        new()
        {
            Subject = subject,
            Name = subject,
            IsGroup = false,
            State = state,
            Reason = "test",
            Group = "main",
            Arguments = ["lan", "1", "10.0.0.1/24"],
            IsFirst = isFirst,
        };

    private List<string> TakeAll()
    {
        List<string> taken = [];
        while (_queue.Take() is { } change)
        {
            taken.Add($"{change.Subject} {change.State}");
            _queue.End(change, succeeded: true);
        }
        return taken;
    }

    [Fact]
    public void Hooks_run_in_the_order_of_the_changes()
    {
        _queue.Post(Change("a", CarpState.Master));
        _queue.Post(Change("b", CarpState.Backup));
        _queue.Post(Change("c", CarpState.Init));
        Assert.Equal(["a Master", "b Backup", "c Init"], TakeAll());
        Assert.Equal(0, _queue.Superseded);
    }

    [Fact]
    public void Of_a_subject_only_its_newest_role_runs_in_the_place_of_the_first()
    {
        _queue.Post(Change("a", CarpState.Master));
        _queue.Post(Change("b", CarpState.Master));
        _queue.Post(Change("a", CarpState.Backup));
        _queue.Post(Change("a", CarpState.Master));
        Assert.Equal(["a Master", "b Master"], TakeAll());
        Assert.Equal(2, _queue.Superseded);
    }

    [Fact]
    public void A_change_during_a_hook_runs_after_it_also_where_the_role_is_the_same_again()
    {
        _queue.Post(Change("a", CarpState.Master));
        var running = _queue.Take()!;
        _queue.Post(Change("a", CarpState.Backup));
        _queue.Post(Change("a", CarpState.Master));
        _queue.End(running, succeeded: true);
        Assert.Equal(["a Master"], TakeAll());
    }

    [Fact]
    public void At_the_start_what_was_told_in_full_is_not_told_again()
    {
        _queue.Restore(new Dictionary<string, CarpState> { ["a"] = CarpState.Backup, ["b"] = CarpState.Master });
        foreach (var subject in new[] { "a", "b", "c" })
            _queue.Post(Change(subject, CarpState.Backup, isFirst: true));
        Assert.Equal(["b Backup", "c Backup"], TakeAll());
    }

    [Fact]
    public void A_change_that_was_seen_is_told_even_if_a_new_start_finds_the_same_role()
    {
        _queue.Restore(new Dictionary<string, CarpState> { ["a"] = CarpState.Backup });
        _queue.Post(Change("a", CarpState.Init));
        _queue.Post(Change("a", CarpState.Backup, isFirst: true));
        Assert.Equal(["a Backup"], TakeAll());
    }

    [Fact]
    public void What_failed_is_not_known_to_a_restart_and_what_succeeded_is()
    {
        _queue.Post(Change("a", CarpState.Master));
        Assert.True(_queue.End(_queue.Take()!, succeeded: true));
        Assert.Equal(CarpState.Master, _queue.Told["a"]);
        _queue.Post(Change("a", CarpState.Master));
        Assert.False(_queue.End(_queue.Take()!, succeeded: true)); // nothing new to keep
        _queue.Post(Change("a", CarpState.Backup));
        Assert.True(_queue.End(_queue.Take()!, succeeded: false));
        Assert.Empty(_queue.Told);
    }

    [Fact]
    public void More_subjects_than_the_limit_are_dropped_and_counted_and_known_ones_are_not()
    {
        for (var i = 0; i < 10; i++)
            _queue.Post(Change($"s{i}", CarpState.Master));
        Assert.Equal((8, 2), (_queue.Count, _queue.Dropped));
        _queue.Post(Change("s0", CarpState.Backup));
        Assert.Equal((8, 2), (_queue.Count, _queue.Dropped));
        Assert.Equal(8, TakeAll().Count);
        _queue.Post(Change("s9", CarpState.Master));
        Assert.False(_queue.End(_queue.Take()!, succeeded: true));
        Assert.DoesNotContain("s9", _queue.Told.Keys);
    }

    [Fact]
    public void What_is_not_configured_any_more_is_forgotten_unless_it_waits()
    {
        _queue.Restore(
            new Dictionary<string, CarpState>
            {
                ["gone"] = CarpState.Master,
                ["waits"] = CarpState.Master,
                ["stays"] = CarpState.Master,
            }
        );
        _queue.Post(Change("waits", CarpState.Init));
        _queue.Retain(s => s == "stays");
        Assert.Equal(["stays", "waits"], _queue.Told.Keys.Order());
    }

    [Theory]
    [InlineData(false, true, CarpState.Init)]
    [InlineData(true, true, CarpState.Master)]
    [InlineData(true, false, CarpState.Backup)]
    public void A_group_is_master_only_where_none_of_its_vhids_is_backup(bool any, bool noneIsBackup, CarpState state) =>
        Assert.Equal(state, RoleChange.Combine(any, noneIsBackup));

    [Theory]
    [InlineData(CarpState.Init, false, "INIT")]
    [InlineData(CarpState.Init, true, "FAULT")]
    [InlineData(CarpState.Backup, true, "BACKUP")]
    [InlineData(CarpState.Master, false, "MASTER")]
    public void A_role_has_a_word(CarpState state, bool isGroup, string word) =>
        Assert.Equal(word, (Change("a", state) with { IsGroup = isGroup }).StateText);
}
