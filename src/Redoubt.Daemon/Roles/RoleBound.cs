using Redoubt.Core;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Processes;

namespace Redoubt.Daemon.Roles;

/// <summary>Something that runs only while this node is master. Owned by the worker's thread.</summary>
/// <param name="name">For people; no two have the same.</param>
/// <param name="group">The failover group that it follows, or null.</param>
/// <param name="vip">The vhid that it follows, or null.</param>
internal abstract class RoleBound(string name, string? group, string? vip) : IDisposable
{
    /// <summary>For people.</summary>
    public string Name { get; } = name;

    /// <summary>The failover group that it follows; null: a vhid.</summary>
    public string? Group { get; } = group;

    /// <summary>The vhid that it follows; null: a group.</summary>
    public string? Vip { get; } = vip;

    /// <summary>Whether it ought to run.</summary>
    public abstract bool IsWanted { get; }

    /// <summary>Whether it runs; null: not known.</summary>
    public abstract bool? Runs { get; }

    /// <summary>Since when that is so.</summary>
    public abstract Instant Since { get; }

    /// <summary>What is wrong with it; empty: nothing.</summary>
    public abstract string Error { get; }

    /// <summary>Whether nothing is to be waited for.</summary>
    public abstract bool IsSettled { get; }

    /// <summary>When <see cref="Turn"/> has something to do.</summary>
    public abstract Instant Deadline { get; }

    /// <summary>The process that is at work; null: none.</summary>
    protected ChildProcess? Child { get; set; }

    /// <summary>The role is another one.</summary>
    public abstract void Want(bool wanted);

    /// <summary>Looks at the process and does what is due.</summary>
    public abstract void Turn(Instant now, Action ended);

    /// <summary>The last word where nobody takes over; see <see cref="RouterAdvertiser"/>.</summary>
    public virtual void Finish(Instant now) { }

    /// <summary>Ends what still runs, without waiting.</summary>
    public void Abandon()
    {
        Child?.Kill();
        Child?.Dispose();
        Child = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Abandon();

    /// <summary>What its process said at its end.</summary>
    protected string Ending()
    {
        Child!.Drain();
        var said = Child.Output;
        return FormattableString.Invariant($"ended with code {Child.ExitCode}") + (said.Length > 0 ? $": {said}" : "");
    }
}
