using System.Collections.Immutable;

namespace Redoubt.Core.Failover;

/// <summary>One reason why a node should rather not be master.</summary>
/// <param name="Reason">Its name; unique in a ledger.</param>
/// <param name="Amount">What it adds to advskew; negative makes the node faster.</param>
/// <param name="Since">Since when it stands.</param>
public sealed record Demotion(string Reason, int Amount, Instant Since);

/// <summary>
/// The reasons that demote a node, each with its owner's name, instead of one number that nobody can explain. Owned by one
/// thread; <see cref="Entries"/> is a snapshot that any thread may keep.
/// </summary>
public sealed class DemotionLedger
{
    /// <summary>Most reasons a ledger holds.</summary>
    public const int ReasonLimit = 256;

    /// <summary>The demotion that outweighs every advskew (carp.md section 7).</summary>
    public const int FullDemotion = 240;

    /// <summary>The reasons in the order they were first set.</summary>
    public ImmutableArray<Demotion> Entries { get; private set; } = [];

    /// <summary>The sum of all amounts, not clamped; saturates at the bounds of the type.</summary>
    public int Total { get; private set; }

    /// <summary>The sum, 0 to 240.</summary>
    public int Clamped => Math.Clamp(Total, 0, FullDemotion);

    /// <summary>
    /// Sets a reason. One that already stands gets the new amount and keeps its age. False, and no change, where the ledger is
    /// full or the amount is what it was.
    /// </summary>
    public bool Set(string reason, int amount, Instant now)
    {
        var index = Find(reason);
        if (index < 0 && Entries.Length >= ReasonLimit)
            return false;
        if (index >= 0 && Entries[index].Amount == amount)
            return false;
        Replace(
            index < 0 ? Entries.Add(new Demotion(reason, amount, now)) : Entries.SetItem(index, Entries[index] with { Amount = amount })
        );
        return true;
    }

    /// <summary>Strikes a reason out; false where it did not stand.</summary>
    public bool Clear(string reason)
    {
        var index = Find(reason);
        if (index < 0)
            return false;
        Replace(Entries.RemoveAt(index));
        return true;
    }

    /// <summary>Whether a reason stands.</summary>
    public bool Has(string reason) => Find(reason) >= 0;

    private int Find(string reason)
    {
        for (var i = 0; i < Entries.Length; i++)
        {
            if (string.Equals(Entries[i].Reason, reason, StringComparison.Ordinal))
                return i;
        }
        return -1;
    }

    private void Replace(ImmutableArray<Demotion> entries)
    {
        Entries = entries;
        long total = 0;
        foreach (var entry in entries)
            total += entry.Amount;
        Total = (int)Math.Clamp(total, int.MinValue, int.MaxValue);
    }
}
