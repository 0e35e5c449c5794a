using Redoubt.Core;
using Redoubt.Core.Roles;

namespace Redoubt.Tests.Roles;

public class SupervisionTests
{
    private static Instant At(double second) => new((long)(second * 1e9));

    private static CommandSupervision Running(bool abrupt = false)
    {
        var life = new CommandSupervision(abrupt);
        life.Want(true);
        Assert.Equal(ServiceAction.Start, life.Turn(At(1)));
        life.OnStarted(At(1));
        return life;
    }

    [Fact]
    public void A_command_runs_only_while_it_is_wanted()
    {
        var life = new CommandSupervision();
        Assert.Equal(ServiceAction.None, life.Turn(At(1)));
        Assert.Equal(Instant.Never, life.Deadline);
        life = Running();
        Assert.Equal(ServiceAction.None, life.Turn(At(2)));
        Assert.True(life is { Runs: true, IsWanted: true, Error: "" });
        life.Want(false);
        Assert.Equal(ServiceAction.Stop, life.Turn(At(3)));
        Assert.Equal(ServiceAction.None, life.Turn(At(3)));
        life.OnEnded("ended with code 0", At(3.1));
        Assert.True(life is { Runs: false, Error: "" });
        Assert.Equal(Instant.Never, life.Deadline);
    }

    [Fact]
    public void A_command_that_does_not_end_is_killed_once()
    {
        var life = Running();
        life.Want(false);
        Assert.Equal(ServiceAction.Stop, life.Turn(At(3)));
        Assert.Equal(At(8), life.Deadline);
        Assert.Equal(ServiceAction.None, life.Turn(At(7.9)));
        Assert.Equal(ServiceAction.Kill, life.Turn(At(8)));
        Assert.Equal(ServiceAction.None, life.Turn(At(9)));
    }

    [Fact]
    public void A_command_that_dies_starts_again_after_a_wait_that_doubles_and_is_short_again_after_a_good_minute()
    {
        var life = Running();
        var now = 1.0;
        foreach (var wait in new[] { 1, 2, 4, 8, 16, 32, 60, 60 })
        {
            now += 0.5;
            life.OnEnded("ended with code 1", At(now));
            Assert.Equal("ended with code 1", life.Error);
            Assert.Equal(At(now + wait), life.Deadline);
            Assert.Equal(ServiceAction.None, life.Turn(At(now + wait - 0.1)));
            now += wait;
            Assert.Equal(ServiceAction.Start, life.Turn(At(now)));
            life.OnStarted(At(now));
        }
        now += 60;
        life.OnEnded("ended with code 1", At(now));
        Assert.Equal(At(now + 1), life.Deadline);
    }

    [Fact]
    public void A_command_that_is_wanted_again_while_it_ends_is_started_when_it_has_ended_and_never_twice()
    {
        var life = Running();
        life.Want(false);
        Assert.Equal(ServiceAction.Stop, life.Turn(At(2)));
        life.Want(true);
        Assert.Equal(ServiceAction.None, life.Turn(At(3)));
        life.OnEnded("ended with code 0", At(3));
        Assert.Equal("", life.Error);
        Assert.Equal(ServiceAction.Start, life.Turn(At(3)));
    }

    [Fact]
    public void A_command_whose_last_word_would_be_wrong_is_killed_at_once_but_asked_where_nobody_takes_over()
    {
        var life = Running(abrupt: true);
        life.Want(false);
        Assert.Equal(ServiceAction.Kill, life.Turn(At(2)));
        Assert.Equal(ServiceAction.None, life.Turn(At(2)));

        life = Running(abrupt: true);
        Assert.Equal(ServiceAction.Stop, life.Finish(At(2)));
        Assert.Equal(ServiceAction.None, life.Finish(At(2)));
        Assert.Equal(ServiceAction.None, life.Turn(At(3)));
        Assert.Equal(ServiceAction.Kill, life.Turn(At(7)));
        life.OnEnded("ended with code 0", At(7));
        Assert.Equal(ServiceAction.None, life.Finish(At(8)));
    }

    [Fact]
    public void A_command_that_cannot_be_started_is_tried_again_later()
    {
        var life = new CommandSupervision();
        life.Want(true);
        Assert.Equal(ServiceAction.Start, life.Turn(At(1)));
        life.OnEnded("there is no file /x", At(1));
        Assert.True(life is { Runs: false, Error: "there is no file /x" });
        Assert.Equal(At(2), life.Deadline);
        life.Want(false);
        Assert.Equal("", life.Error);
        Assert.Equal(Instant.Never, life.Deadline);
    }

    [Fact]
    public void A_unit_is_stopped_once_at_first_for_nobody_knows_how_it_stands()
    {
        var unit = new UnitSupervision();
        Assert.Null(unit.Runs);
        Assert.Equal(ServiceAction.Stop, unit.Turn(At(1)));
        Assert.Equal(ServiceAction.None, unit.Turn(At(1)));
        Assert.False(unit.IsSettled);
        unit.OnEnded(null, At(2));
        Assert.True(unit is { Runs: false, IsSettled: true });
        Assert.Equal(Instant.Never, unit.Deadline);
        unit.Want(true);
        Assert.Equal(ServiceAction.Start, unit.Turn(At(3)));
        unit.OnEnded(null, At(4));
        Assert.True(unit is { Runs: true, IsSettled: true });
    }

    [Fact]
    public void A_unit_that_is_not_wanted_any_more_while_it_starts_is_stopped_at_once()
    {
        var unit = new UnitSupervision();
        unit.Want(true);
        Assert.Equal(ServiceAction.Start, unit.Turn(At(1)));
        unit.Want(false);
        Assert.Equal(ServiceAction.Kill, unit.Turn(At(2)));
        Assert.Equal(ServiceAction.None, unit.Turn(At(2)));
        unit.OnEnded("ended with code 137", At(2));
        Assert.Equal("", unit.Error);
        Assert.Equal(ServiceAction.Stop, unit.Turn(At(2)));
    }

    [Fact]
    public void A_unit_that_fails_is_tried_again_later_and_one_that_takes_too_long_is_given_up()
    {
        var unit = new UnitSupervision();
        unit.Want(true);
        Assert.Equal(ServiceAction.Start, unit.Turn(At(1)));
        unit.OnEnded("systemctl ended with code 5", At(1));
        Assert.True(unit is { Runs: null, Error: "systemctl ended with code 5" });
        Assert.Equal(ServiceAction.None, unit.Turn(At(1.9)));
        Assert.Equal(ServiceAction.Start, unit.Turn(At(2)));
        Assert.Equal(ServiceAction.None, unit.Turn(At(61)));
        Assert.Equal(ServiceAction.Kill, unit.Turn(At(62)));
        unit.OnEnded("ended with code 137", At(62));
        Assert.Equal("ended with code 137", unit.Error);
        Assert.Equal(At(64), unit.Deadline);
    }
}
