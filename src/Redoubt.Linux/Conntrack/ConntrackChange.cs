using Redoubt.Core.StateSync;

namespace Redoubt.Linux.Conntrack;

/// <summary>What <see cref="ConntrackTable.Apply"/> does with an entry.</summary>
public enum ConntrackChangeKind
{
    /// <summary>As <see cref="ConntrackTable.Create"/>.</summary>
    Create,

    /// <summary>As <see cref="Create"/>, without helper and labels.</summary>
    CreatePlain,

    /// <summary>As <see cref="ConntrackTable.Update"/>.</summary>
    Update,

    /// <summary>As <see cref="ConntrackTable.Delete"/>, with the entry's original tuple and kernel id.</summary>
    Delete,

    /// <summary>As <see cref="ConntrackTable.MakeLiberal"/>, with the entry's original tuple.</summary>
    MakeLiberal,
}

/// <summary>One change of the kernel's table.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Entry">The entry it is about.</param>
public readonly record struct ConntrackChange(ConntrackChangeKind Kind, ConntrackEntry Entry);
