using System.Collections.Immutable;
using System.Text;
using System.Text.Unicode;

namespace Redoubt.Core.Configuration.Document;

/// <summary>
/// Reads a file by what differs from one that was read before. What both begin and end with is compared as bytes; between them, whole elements inside of one element
/// are read anew. XML is read from the front and an element's inside has no influence on what follows it: so elements before and behind the piece are what they were,
/// as long as the piece is whole in itself. In every doubt the answer is null, and the file is to be read from its beginning.
/// </summary>
internal sealed class ConfigTreeUpdate
{
    private readonly string _text;
    private readonly int _from; // of the old text, characters: the first that differs
    private readonly int _to; // behind the last one that differs
    private readonly int _growth;
    private readonly int _linesMore;
    private int _elements;
    private bool _isBroken; // a larger piece is not tried: the file is

    private ConfigTreeUpdate(string text, int from, int to, int growth, int linesMore) =>
        (_text, _from, _to, _growth, _linesMore) = (text, from, to, growth, linesMore);

    /// <summary>The document of <paramref name="xml"/>, or null.</summary>
    public static ConfigDocument? TryMake(ConfigDocument known, ReadOnlySpan<byte> knownXml, ReadOnlySpan<byte> xml)
    {
        var mark = known.HasMark ? Encoding.UTF8.Preamble : default;
        if (!knownXml.StartsWith(mark) || !xml.StartsWith(mark) || xml.Length > ConfigurationLimits.FileBytes)
            return null;
        var a = knownXml[mark.Length..];
        var b = xml[mark.Length..];
        // Line ends of other systems are counted in other ways.
        if (!Utf8.IsValid(b) || a.Contains((byte)'\r') || b.Contains((byte)'\r'))
            return null;
        var head = a.CommonPrefixLength(b);
        if (head == a.Length && head == b.Length)
            return known;
        var tail = CommonEnd(a[head..], b[head..]);
        while (head > 0 && (IsInside(a, head) || IsInside(b, head)))
            head--;
        while (tail > 0 && (IsInside(a, a.Length - tail) || IsInside(b, b.Length - tail)))
            tail--;
        var text = Encoding.UTF8.GetString(b);
        var from = Encoding.UTF8.GetCharCount(a[..head]);
        var to = from + Encoding.UTF8.GetCharCount(a[head..^tail]);
        var growth = Encoding.UTF8.GetCharCount(b[head..^tail]) - (to - from);
        var linesMore = b[head..^tail].Count((byte)'\n') - a[head..^tail].Count((byte)'\n');
        var update = new ConfigTreeUpdate(text, from, to, growth, linesMore) { _elements = known.Elements };
        return update.Inside(known.Root, known.RootAt, 1) is { } root && update._elements <= ConfigurationLimits.Elements
            ? known.Updated(root, update._elements)
            : null;
    }

    // A byte that goes on with a character.
    private static bool IsInside(ReadOnlySpan<byte> utf8, int at) => at < utf8.Length && (utf8[at] & 0xC0) == 0x80;

    private static int CommonEnd(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        const int Step = 4096;
        var length = 0;
        var most = Math.Min(a.Length, b.Length);
        while (length + Step <= most && a.Slice(a.Length - length - Step, Step).SequenceEqual(b.Slice(b.Length - length - Step, Step)))
            length += Step;
        while (length < most && a[a.Length - length - 1] == b[b.Length - length - 1])
            length++;
        return length;
    }

    // What a node becomes whose start tag stands at a character of the old text, so many elements deep with itself; null where the change is not within it, or what is
    // within it is not whole.
    private ConfigNode? Inside(ConfigNode node, int at, int depth)
    {
        ref readonly var place = ref node.Place;
        var begin = at + place.Content - place.Start;
        var children = node.Children;
        if (_from < begin || children.IsEmpty)
            return null;
        var first = 0;
        while (first < children.Length && begin + Whole(children[first]) <= _from)
            begin += Whole(children[first++]);
        if (first < children.Length)
        {
            if (Inside(children[first], begin + Lead(children[first]), depth + 1) is { } changed)
                return node.ReadAnew(Joined(children, first, [changed], first + 1), place.Between(place.Tail, place.ContentEnd));
            if (_isBroken)
                return null;
        }
        var (next, end) = (first, begin);
        while (next < children.Length && end < _to)
            end += Whole(children[next++]);
        // With one more element the piece ends where that one does, and nothing stands between it and the next.
        var hasMore = next < children.Length;
        end += hasMore ? Whole(children[next++]) : place.ContentEnd - place.Tail;
        if (_to > end)
            return null;
        var piece = _text[begin..(end + _growth)];
        var nodes = BoundedXml.ReadPiece(piece, _text.AsSpan(0, begin).Count('\n'), depth, out var elements);
        var behind = nodes is { Count: > 0 } ? nodes[^1].Place.End : 0;
        _isBroken = nodes is null || (hasMore ? behind < piece.Length : first + nodes.Count == 0);
        if (_isBroken)
            return null;
        _elements += elements;
        foreach (var gone in children.AsSpan()[first..next])
            _elements -= Count(gone);
        return node.ReadAnew(
            Joined(children, first, nodes!, next),
            hasMore ? place.Between(place.Tail, place.ContentEnd) : piece.AsSpan(behind)
        );
    }

    private ImmutableArray<ConfigNode> Joined(ImmutableArray<ConfigNode> old, int kept, IReadOnlyList<ConfigNode> made, int next)
    {
        var all = ImmutableArray.CreateBuilder<ConfigNode>(kept + made.Count + old.Length - next);
        all.AddRange(old.AsSpan()[..kept]);
        all.AddRange(made);
        for (; next < old.Length; next++)
            all.Add(_linesMore == 0 ? old[next] : old[next].Below(_linesMore));
        return all.MoveToImmutable();
    }

    private static int Lead(ConfigNode node) => node.Place.Start - node.Place.Lead;

    // Characters of an element with what stands before it.
    private static int Whole(ConfigNode node)
    {
        ref readonly var place = ref node.Place;
        if (node.IsAsWritten)
            return place.End - place.Lead;
        // Its own text has one character in place of the children.
        var length = place.End - place.Lead - 1;
        foreach (var child in node.Children)
            length += Whole(child);
        return length;
    }

    private static int Count(ConfigNode node)
    {
        var count = 1;
        foreach (var child in node.Children)
            count += Count(child);
        return count;
    }
}
