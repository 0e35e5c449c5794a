namespace Redoubt.Core.StateSync;

/// <summary>The 128 labels of a connection (CTA_LABELS): one bit each, set by rules (`ct label set`).</summary>
/// <param name="Low">Labels 0 to 63, label n in bit n.</param>
/// <param name="High">Labels 64 to 127.</param>
public readonly record struct ConnectionLabels(ulong Low, ulong High)
{
    /// <summary>No label is set.</summary>
    public bool IsEmpty => (Low | High) == 0;

    /// <summary>Whether label <paramref name="number"/> (0 to 127) is set.</summary>
    public bool Has(int number) => ((number < 64 ? Low : High) >> (number & 63) & 1) != 0;

    /// <summary>These labels and one more.</summary>
    public ConnectionLabels With(int number) =>
        number < 64 ? this with { Low = Low | (1UL << number) } : this with { High = High | (1UL << (number & 63)) };
}
