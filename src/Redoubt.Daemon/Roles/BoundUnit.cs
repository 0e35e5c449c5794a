using Redoubt.Core;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Processes;

namespace Redoubt.Daemon.Roles;

/// <summary>A systemd unit that the configuration names: started and stopped by systemctl, supervised by systemd.</summary>
internal sealed class BoundUnit(string name, string? group, string? vip, string unit) : RoleBound(name, group, vip)
{
    private const string SystemCtl = "/usr/bin/systemctl";
    private readonly UnitSupervision _life = new();

    public override bool IsWanted => _life.IsWanted;

    public override bool? Runs => _life.Runs;

    public override Instant Since => _life.Since;

    public override string Error => _life.Error;

    // Where systemctl fails, waiting for it at the end would be in vain.
    public override bool IsSettled => _life.IsSettled || (Child is null && _life.Error.Length > 0);

    public override Instant Deadline => _life.Deadline;

    public override void Want(bool wanted) => _life.Want(wanted);

    public override void Turn(Instant now, Action ended)
    {
        if (Child is { HasEnded: true })
        {
            var error = Child.ExitCode == 0 ? null : $"systemctl {Ending()}";
            Abandon();
            _life.OnEnded(error, now);
        }
        var action = _life.Turn(now);
        if (action == ServiceAction.Kill)
            Child?.Kill();
        if (action is not (ServiceAction.Start or ServiceAction.Stop))
            return;
        var verb = action == ServiceAction.Start ? "start" : "stop";
        Child = ChildProcess.Start(
            [SystemCtl, verb, "--", unit],
            ChildEnvironment.Basic,
            bound: true,
            keepsEnd: true,
            ended,
            out var failure
        );
        if (Child is null)
            _life.OnEnded(failure, now);
    }
}
