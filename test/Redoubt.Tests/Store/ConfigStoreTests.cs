using System.Text;
using Redoubt.Daemon.Configuration;

namespace Redoubt.Tests.Store;

public sealed class ConfigStoreTests : IDisposable
{
    private readonly StoreBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_change_is_applied_then_becomes_the_file_and_is_remembered()
    {
        using var store = _bench.Open();
        var next = StoreBench.Document("new");

        var reply = store.Apply(next, StoreBench.By("alice"));

        Assert.True(reply.Ok, reply.Message);
        Assert.Equal(["new"], _bench.First.Applied);
        Assert.Equal(next, _bench.OnDisk);
        var newest = store.History().History![0];
        Assert.Equal(("alice", "a test", true), (newest.User, newest.Reason, newest.Current));
        Assert.Contains(
            newest.Changes,
            c => c.Contains("interfaces/lan/descr", StringComparison.Ordinal) && c.Contains("old -> new", StringComparison.Ordinal)
        );
        Assert.False(File.Exists(_bench.Pending));
    }

    [Fact]
    public void The_same_document_again_writes_and_reloads_nothing()
    {
        using var store = _bench.Open();
        var before = File.GetLastWriteTimeUtc(_bench.FilePath);
        var entries = Directory.GetFiles(_bench.History);

        var reply = store.Apply(_bench.OnDisk, StoreBench.By("alice"));

        Assert.True(reply.Ok);
        Assert.Empty(_bench.First.Applied);
        Assert.Equal(before, File.GetLastWriteTimeUtc(_bench.FilePath));
        Assert.Equal(entries, Directory.GetFiles(_bench.History));
    }

    [Fact]
    public void What_means_the_same_is_written_and_reloads_nothing()
    {
        using var store = _bench.Open();
        var spaced = Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(_bench.OnDisk).Replace("<lan>", "\n\t\t<lan>", StringComparison.Ordinal)
        );

        Assert.True(store.Apply(spaced, StoreBench.By("alice")).Ok);

        Assert.Empty(_bench.First.Applied);
        Assert.Equal(spaced, _bench.OnDisk);
    }

    [Theory]
    [InlineData("<pfsense><unfinished>")]
    [InlineData("<other/>")]
    [InlineData("")]
    public void A_document_with_errors_changes_nothing(string text)
    {
        using var store = _bench.Open();
        var before = _bench.OnDisk;

        var reply = store.Apply(Encoding.UTF8.GetBytes(text), StoreBench.By("alice"));

        Assert.False(reply.Ok);
        Assert.NotEmpty(reply.Problems!);
        Assert.Equal(before, _bench.OnDisk);
        Assert.Single(store.History().History!);
    }

    [Fact]
    public void What_an_applier_calls_invalid_is_refused_before_anything_is_written()
    {
        using var store = _bench.Open();

        var reply = store.Apply(StoreBench.Document("invalid"), StoreBench.By("alice"));

        Assert.False(reply.Ok);
        Assert.Contains("refers to nothing", reply.Message, StringComparison.Ordinal);
        Assert.Empty(_bench.First.Applied);
        Assert.Single(Directory.GetFiles(_bench.History));
    }

    [Fact]
    public void Where_a_later_applier_fails_the_earlier_ones_go_back()
    {
        using var store = _bench.Open();
        _bench.Second.Refuses = "new";
        var before = _bench.OnDisk;

        var reply = store.Apply(StoreBench.Document("new"), StoreBench.By("alice"));

        Assert.False(reply.Ok);
        Assert.Contains("the kernel says no", reply.Message, StringComparison.Ordinal);
        Assert.Equal(["new", "old"], _bench.First.Applied);
        Assert.Empty(_bench.Second.Applied);
        Assert.Equal(before, _bench.OnDisk);
        Assert.Single(store.History().History!);
        Assert.False(File.Exists(_bench.Pending));
    }

    [Fact]
    public void What_the_disk_has_no_room_for_is_refused_before_anything_is_applied()
    {
        using var store = _bench.Open();
        var before = _bench.OnDisk;
        Directory.CreateDirectory(_bench.FilePath + AtomicFile.Draft);

        var reply = store.Apply(StoreBench.Document("new"), StoreBench.By("alice"));

        Assert.False(reply.Ok);
        Assert.Contains("cannot be saved", reply.Message, StringComparison.Ordinal);
        Assert.Empty(_bench.First.Applied);
        Assert.Equal(before, _bench.OnDisk);
        Assert.Single(store.History().History!);
        Assert.False(File.Exists(_bench.Pending));
        Directory.Delete(_bench.FilePath + AtomicFile.Draft);
        Assert.True(store.Apply(StoreBench.Document("new"), StoreBench.By("alice")).Ok);
        Assert.False(File.Exists(_bench.FilePath + AtomicFile.Draft));
    }

    [Fact]
    public void Where_an_applier_fails_no_draft_stays()
    {
        using var store = _bench.Open();
        _bench.Second.Refuses = "new";

        Assert.False(store.Apply(StoreBench.Document("new"), StoreBench.By("alice")).Ok);

        Assert.False(File.Exists(_bench.FilePath + AtomicFile.Draft));
    }

    [Fact]
    public void A_change_based_on_what_is_no_longer_in_force_is_a_conflict()
    {
        using var store = _bench.Open();
        var based = store.Running.Digest;
        Assert.True(store.Apply(StoreBench.Document("alice's"), StoreBench.By("alice", basedOn: based)).Ok);

        var reply = store.Apply(StoreBench.Document("bob's"), StoreBench.By("bob", basedOn: based));

        Assert.False(reply.Ok);
        Assert.Contains("conflict", reply.Message, StringComparison.Ordinal);
        Assert.Contains("alice", reply.Message, StringComparison.Ordinal);
        Assert.Equal("alice's", store.Running.Configuration.Interfaces[0].Description);
    }

    [Fact]
    public void A_file_that_was_edited_by_hand_is_not_written_over()
    {
        using var store = _bench.Open();
        File.WriteAllBytes(_bench.FilePath, StoreBench.Document("by hand"));

        var reply = store.Apply(StoreBench.Document("new"), StoreBench.By("alice"));

        Assert.False(reply.Ok);
        Assert.Contains("conflict", reply.Message, StringComparison.Ordinal);
        Assert.Equal(StoreBench.Document("by hand"), _bench.OnDisk);
        Assert.True(store.Reload().Ok);
        Assert.Equal(["by hand"], _bench.First.Applied);
    }

    [Fact]
    public void A_change_that_nobody_confirms_is_taken_back_in_time_and_not_before()
    {
        using var store = _bench.Open();
        var before = _bench.OnDisk;
        Assert.True(store.Apply(StoreBench.Document("new"), StoreBench.By("alice", confirm: 30)).Ok);
        Assert.Equal(before, _bench.OnDisk);
        Assert.Equal("new", store.Running.Configuration.Interfaces[0].Description);

        _bench.Clock.Pass(29);
        Assert.Equal(TimeSpan.FromSeconds(1), store.Turn());
        Assert.Equal(["new"], _bench.First.Applied);
        _bench.Clock.Pass(1);
        store.Turn();

        Assert.Equal(["new", "old"], _bench.First.Applied);
        Assert.Equal(before, _bench.OnDisk);
        Assert.Single(store.History().History!);
        Assert.Contains("was not confirmed in time", _bench.Changes(), StringComparison.Ordinal);
        Assert.False(store.Confirm().Ok);
    }

    [Fact]
    public void A_confirmed_change_stays()
    {
        using var store = _bench.Open();
        store.Apply(StoreBench.Document("new"), StoreBench.By("alice", confirm: 30));

        Assert.True(store.Confirm().Ok);
        _bench.Clock.Pass(60);
        store.Turn();

        Assert.Equal(["new"], _bench.First.Applied);
        Assert.Equal(StoreBench.Document("new"), _bench.OnDisk);
    }

    [Fact]
    public void While_a_change_waits_no_other_is_taken()
    {
        using var store = _bench.Open();
        store.Apply(StoreBench.Document("new"), StoreBench.By("alice", confirm: 30));

        var reply = store.Apply(StoreBench.Document("newer"), StoreBench.By("bob"));

        Assert.False(reply.Ok);
        Assert.Contains("confirmation", reply.Message, StringComparison.Ordinal);
        Assert.True(store.Rollback(store.History().History![1].Id, StoreBench.By("bob")).Ok);
        Assert.Equal(["new", "old"], _bench.First.Applied);
    }

    [Fact]
    public void A_restart_takes_back_what_was_not_confirmed()
    {
        using (var store = _bench.Open())
        {
            store.Apply(StoreBench.Document("new"), StoreBench.By("alice", confirm: 600));
            // no orderly stop: the next one finds what a dead process left
            using var next = _bench.Open();
            Assert.Equal("old", next.Running.Configuration.Interfaces[0].Description);
            Assert.Single(next.History().History!);
            Assert.Contains("was never confirmed", _bench.Changes(), StringComparison.Ordinal);
            Assert.False(File.Exists(_bench.Pending));
        }
    }

    [Fact]
    public void A_change_whose_mark_outlived_it_stays()
    {
        using (var store = _bench.Open())
            store.Apply(StoreBench.Document("new"), StoreBench.By("alice"));
        using (var store = _bench.Open())
        {
            File.WriteAllText(_bench.Pending, store.History().History![0].Id); // died between the file and the mark
        }

        using var next = _bench.Open();

        Assert.Equal("new", next.Running.Configuration.Interfaces[0].Description);
        Assert.Equal(2, next.History().History!.Count);
    }

    [Fact]
    public void Any_entry_of_the_history_can_be_gone_back_to()
    {
        using var store = _bench.Open();
        store.Apply(StoreBench.Document("second"), StoreBench.By("alice"));
        store.Apply(StoreBench.Document("third"), StoreBench.By("alice"));
        var first = store.History().History![^1];

        Assert.True(store.Rollback(first.Id, StoreBench.By("bob")).Ok);

        Assert.Equal(StoreBench.Document("old"), _bench.OnDisk);
        Assert.Equal(4, store.History().History!.Count);
        Assert.False(store.Rollback("99", StoreBench.By("bob")).Ok);
    }

    [Fact]
    public void The_history_is_bounded_and_keeps_the_newest()
    {
        using var store = _bench.Open();
        var oldest = Directory.GetFiles(_bench.History).Single();
        for (var i = 2; i <= ConfigHistory.Entries; i++) // as if they had been made one after the other
            File.Copy(oldest, Path.Combine(_bench.History, $"{i:D8}.revision"));
        using var full = _bench.Open();

        Assert.True(full.Apply(StoreBench.Document("new"), StoreBench.By("alice")).Ok);

        var history = full.History().History!;
        Assert.Equal(ConfigHistory.Entries, history.Count);
        Assert.Equal("101", history[0].Id);
        Assert.False(File.Exists(oldest));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    [InlineData(400)]
    public void A_damaged_file_is_replaced_by_the_last_good_entry_and_says_so(int at)
    {
        using (var store = _bench.Open())
            store.Apply(StoreBench.Document("good", new string(' ', 400)), StoreBench.By("alice"));
        _bench.First.Applied.Clear();
        var bytes = _bench.OnDisk;
        bytes[at] = (byte)'<';
        bytes[at + 1] = 0;
        File.WriteAllBytes(_bench.FilePath, bytes);

        using var next = _bench.Open();

        Assert.True(next.IsFallback);
        Assert.Equal("good", next.Running.Configuration.Interfaces[0].Description);
        Assert.Contains(_bench.Alarms.Active, a => a.Id == "configuration");
        Assert.Equal(bytes, _bench.OnDisk); // left for whoever looks into it
        var repaired = false;
        next.Repaired += () => repaired = true;
        Assert.True(next.Apply(StoreBench.Document("better"), StoreBench.By("alice")).Ok);
        Assert.True(repaired);
        Assert.Empty(_bench.Alarms.Active);
        Assert.Equal(StoreBench.Document("better"), _bench.OnDisk);
    }

    [Fact]
    public void A_damaged_entry_of_the_history_is_passed_over()
    {
        using (var store = _bench.Open())
            store.Apply(StoreBench.Document("second"), StoreBench.By("alice"));
        var newest = Directory.GetFiles(_bench.History).Order(StringComparer.Ordinal).Last();
        var entry = File.ReadAllBytes(newest);
        entry[^20] ^= 1;
        File.WriteAllBytes(newest, entry);
        File.WriteAllText(_bench.FilePath, "gone");

        using var next = _bench.Open();

        Assert.Equal("old", next.Running.Configuration.Interfaces[0].Description);
    }

    [Fact]
    public void A_damaged_file_without_a_history_is_not_started_with()
    {
        File.WriteAllText(_bench.FilePath, "<pfsense>");
        using var store = _bench.New();

        Assert.False(store.TryOpen());
        Assert.NotEmpty(store.StartProblems);
    }

    [Fact]
    public void A_secret_shows_neither_in_the_history_nor_in_the_events()
    {
        using var store = _bench.Open();

        store.Apply(StoreBench.Document("old", "<hasync><password>hunter2</password></hasync>"), StoreBench.By("alice"));
        store.Apply(StoreBench.Document("old", "<hasync><password>hunter3</password></hasync>"), StoreBench.By("alice"));

        Assert.DoesNotContain(store.History().History!.SelectMany(h => h.Changes), c => c.Contains("hunter", StringComparison.Ordinal));
        Assert.Contains(store.History().History![0].Changes, c => c.Contains("password", StringComparison.Ordinal));
        Assert.DoesNotContain("hunter", _bench.Changes(), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_disk_refuses_the_old_configuration_stays_and_no_draft_is_left()
    {
        using var store = _bench.Open();
        var before = _bench.OnDisk;
        Directory.Delete(_bench.History, recursive: true);
        File.WriteAllText(_bench.History, "in the way"); // also for root, whom no permission stops

        var reply = store.Apply(StoreBench.Document("new"), StoreBench.By("alice"));

        Assert.False(reply.Ok);
        Assert.Contains("cannot be saved", reply.Message, StringComparison.Ordinal);
        Assert.Empty(_bench.First.Applied);
        Assert.Equal(before, _bench.OnDisk);
        Assert.Contains(_bench.Alarms.Active, a => a.Id == "configuration-disk");
        Assert.DoesNotContain(
            Directory.GetFiles(_bench.Folder, "*", SearchOption.AllDirectories),
            f => f.EndsWith(".draft", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("<redoubt><hooks><directory>/tmp/mine</directory></hooks></redoubt>")]
    [InlineData("<redoubt><failover><check><name>a</name><type>script</type><target>/tmp/mine</target></check></failover></redoubt>")]
    public void Who_has_no_power_names_no_program_that_the_daemon_runs_and_root_does(string extra)
    {
        using var store = _bench.Open();
        var before = _bench.OnDisk;
        var web = StoreBench.By("web") with { MayNamePrograms = false };

        var reply = store.Apply(StoreBench.Document("new", extra), web);

        Assert.False(reply.Ok);
        Assert.Contains("only root may change them", reply.Message, StringComparison.Ordinal);
        Assert.Equal(before, _bench.OnDisk);
        Assert.True(store.Apply(StoreBench.Document("new", extra), StoreBench.By("root")).Ok);
        Assert.True(store.Apply(StoreBench.Document("newer", extra), web).Ok);
        Assert.False(store.Apply(StoreBench.Document("newer"), web).Ok); // nor takes one away
    }
}
