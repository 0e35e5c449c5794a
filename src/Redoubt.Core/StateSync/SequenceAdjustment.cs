namespace Redoubt.Core.StateSync;

/// <summary>How the sequence numbers of one direction are shifted (CTA_SEQ_ADJ_*): a helper with translation changed the length of what was sent.</summary>
/// <param name="Position">Sequence number from which <paramref name="After"/> counts.</param>
/// <param name="Before">Shift in front of it.</param>
/// <param name="After">Shift behind it.</param>
public readonly record struct SequenceAdjustment(uint Position, int Before, int After);
