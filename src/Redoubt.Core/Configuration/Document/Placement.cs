namespace Redoubt.Core.Configuration.Document;

/// <summary>Where an element stands in the text of the file that it was read from: offsets in characters, in this order.</summary>
/// <param name="Source">The file.</param>
/// <param name="Lead">The end of what comes before it: from here to <paramref name="Start"/> are white space and comments.</param>
/// <param name="Start">Its first character.</param>
/// <param name="Content">After its start tag.</param>
/// <param name="Tail">After its last child; where there is none, <paramref name="Content"/>.</param>
/// <param name="ContentEnd">Its end tag; equal to <paramref name="End"/> in an element that is only one tag.</param>
/// <param name="End">After its end tag.</param>
internal readonly record struct Placement(string? Source, int Lead, int Start, int Content, int Tail, int ContentEnd, int End)
{
    public ReadOnlySpan<char> Between(int from, int to) => Source.AsSpan(from, to - from);
}
