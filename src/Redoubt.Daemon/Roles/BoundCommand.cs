using Redoubt.Core;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Processes;

namespace Redoubt.Daemon.Roles;

/// <summary>A program in the foreground that the daemon supervises. The kernel kills it with the daemon, so no predecessor leaves one behind.</summary>
/// <param name="name">For people.</param>
/// <param name="group">The failover group that it follows, or null.</param>
/// <param name="vip">The vhid that it follows, or null.</param>
/// <param name="vector">Its argument vector.</param>
/// <param name="abrupt">It is killed and not asked to end.</param>
internal class BoundCommand(string name, string? group, string? vip, IReadOnlyList<string> vector, bool abrupt = false)
    : RoleBound(name, group, vip)
{
    private readonly CommandSupervision _life = new(abrupt);

    public override bool IsWanted => _life.IsWanted;

    public override bool? Runs => _life.Runs;

    public override Instant Since => _life.Since;

    public override string Error => _life.Error;

    public override bool IsSettled => !_life.Runs && !_life.IsWanted;

    public override Instant Deadline => _life.Deadline;

    public override void Want(bool wanted) => _life.Want(wanted);

    public override void Turn(Instant now, Action ended)
    {
        if (Child is { HasEnded: true })
        {
            var how = Ending();
            Abandon(); // and what it left behind: nothing of it runs on a backup
            _life.OnEnded(how, now);
        }
        Do(_life.Turn(now), now, ended);
    }

    public override void Finish(Instant now) => Do(_life.Finish(now), now, static () => { });

    /// <summary>What must be there before it starts; null, or what is wrong.</summary>
    protected virtual string? Prepare() => ProgramTrust.Look(vector[0], out var why) == ProgramTrust.Verdict.Trusted ? null : why;

    private void Do(ServiceAction action, Instant now, Action ended)
    {
        switch (action)
        {
            case ServiceAction.Start:
                var error = Prepare();
                Child = error is null
                    ? ChildProcess.Start(vector, ChildEnvironment.Basic, bound: true, keepsEnd: true, ended, out error)
                    : null;
                if (Child is null)
                    _life.OnEnded(error!, now);
                else
                    _life.OnStarted(now);
                break;
            case ServiceAction.Stop:
                Child?.Terminate();
                break;
            case ServiceAction.Kill:
                Child?.Kill();
                break;
            default:
                break;
        }
    }
}
