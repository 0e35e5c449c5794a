using System.Collections.Immutable;
using System.Text;
using System.Text.Unicode;

namespace Redoubt.Core.Configuration.Document;

/// <summary>
/// Reads a file by what differs from one that was read before. Both are walked side by side: elements that are the same text are taken as they are, one that differs is
/// walked inside, and where that does not help, whole elements are read anew as a piece. XML is read from the front, and a piece that is whole in itself has no influence
/// on what follows it: so whatever is taken means what it meant. In every doubt the answer is null, and the file is to be read from its beginning.
/// </summary>
internal sealed class ConfigTreeUpdate
{
    // How often the element behind one that differs is looked for in the new text.
    private const int Searches = 16;

    private readonly string _old;
    private readonly string _new;
    private int _elements;
    private int _searches;
    private bool _isBroken; // a larger piece is not tried: the file is

    private ConfigTreeUpdate(string old, string text, int elements) => (_old, _new, _elements) = (old, text, elements);

    /// <summary>The document of <paramref name="xml"/>, or null.</summary>
    public static ConfigDocument? TryMake(ConfigDocument known, ReadOnlySpan<byte> knownXml, ReadOnlySpan<byte> xml)
    {
        var mark = known.HasMark ? Encoding.UTF8.Preamble : default;
        if (!knownXml.StartsWith(mark) || !xml.StartsWith(mark) || xml.Length > ConfigurationLimits.FileBytes)
            return null;
        knownXml = knownXml[mark.Length..];
        xml = xml[mark.Length..];
        if (xml.SequenceEqual(knownXml))
            return known;
        // Line ends of other systems are counted in other ways.
        if (!Utf8.IsValid(xml) || knownXml.Contains((byte)'\r') || xml.Contains((byte)'\r'))
            return null;
        var (old, text) = (Encoding.UTF8.GetString(knownXml), Encoding.UTF8.GetString(xml));
        var begin = known.RootAt;
        var behind = old.Length - begin - Length(known.Root);
        if (
            text.Length < begin + behind
            || !old.AsSpan(0, begin).SequenceEqual(text.AsSpan(0, begin))
            || !old.AsSpan(old.Length - behind).SequenceEqual(text.AsSpan(text.Length - behind))
        )
            return null;
        var update = new ConfigTreeUpdate(old, text, known.Elements);
        return
            update.Changed(known.Root, begin, begin, text.Length - behind, 0, 1) is { } root
            && update._elements <= ConfigurationLimits.Elements
            ? known.Updated(root, update._elements)
            : null;
    }

    // What a node, so many elements deep with itself, becomes that stood at a character of the old text and stands between two of the new one, so many lines further
    // down; null where its own tags are not the same, or what is within it is not whole.
    private ConfigNode? Changed(ConfigNode node, int oldAt, int newAt, int newEnd, int lines, int depth)
    {
        var first = lines;
        ref readonly var place = ref node.Place;
        var children = node.Children;
        var (open, close) = (place.Content - place.Start, place.End - place.ContentEnd);
        var (o, n, oEnd, nEnd) = (oldAt + open, newAt + open, oldAt + Length(node) - close, newEnd - close);
        if (children.IsEmpty || n > nEnd || !IsSame(oldAt, newAt, open) || !IsSame(oEnd, nEnd, close))
            return null;
        var made = ImmutableArray.CreateBuilder<ConfigNode>(children.Length);
        var same = CommonEnd(_old.AsSpan(o, oEnd - o), _new.AsSpan(n, nEnd - n));
        var i = 0;
        while (true)
        {
            var head = _old.AsSpan(o, oEnd - o).CommonPrefixLength(_new.AsSpan(n, nEnd - n));
            var differs = o + head;
            for (int whole; i < children.Length && o + (whole = Whole(children[i])) <= differs; i++)
            {
                made.Add(lines == 0 ? children[i] : children[i].Below(lines));
                (o, n) = (o + whole, n + whole);
            }
            if (i == children.Length)
                break;
            // From here on both are the same to the end.
            var to = oEnd - Math.Min(same, Math.Min(oEnd - differs, nEnd - n - (differs - o)));
            var (next, end) = (i, o);
            while (next < children.Length && end < to)
                end += Whole(children[next++]);
            if (OneOf(children, i, next, o, n, nEnd - (oEnd - end), lines, depth, nEnd) is var (changed, newBehind))
            {
                var gone = Whole(children[i++]);
                lines += Lines(_new, n, newBehind) - Lines(_old, o, o + gone);
                made.Add(changed);
                (o, n) = (o + gone, newBehind);
                continue;
            }
            if (_isBroken)
                return null;
            if (next == children.Length)
            {
                Discount(children, i, next);
                o = end;
                break;
            }
            // With one more element the piece ends where that one does, and nothing stands between it and the next.
            end += Whole(children[next++]);
            var pieceEnd = nEnd - (oEnd - end);
            if (!TryRead(n, pieceEnd, depth, out var nodes, out var rest) || rest > 0)
                return Broken();
            made.AddRange(nodes);
            Discount(children, i, next);
            lines += Lines(_new, n, pieceEnd) - Lines(_old, o, end);
            (i, o, n) = (next, end, pieceEnd);
        }
        // What stands behind the last one.
        var tail = nEnd - n;
        if (!_new.AsSpan(n, nEnd - n).SequenceEqual(place.Between(place.Tail, place.ContentEnd)))
        {
            if (!TryRead(n, nEnd, depth, out var nodes, out tail))
                return Broken();
            made.AddRange(nodes);
        }
        return made.Count == 0 ? Broken() : node.ReadAnew(made.DrainToImmutable(), _new.AsSpan(nEnd - tail, tail), first);
    }

    // The first element that differs, walked inside: where it is the only one, or where the next one is found again behind it. And where it ends in the new text.
    private (ConfigNode Node, int End)? OneOf(
        ImmutableArray<ConfigNode> children,
        int at,
        int next,
        int o,
        int n,
        int newEnd,
        int lines,
        int depth,
        int newLimit
    )
    {
        var child = children[at];
        if (next - at > 1)
        {
            if (_searches++ == Searches)
                return null;
            var from = n + child.Place.Content - child.Place.Lead;
            ref readonly var follows = ref children[at + 1].Place;
            var found = from < newLimit ? _new.AsSpan(from, newLimit - from).IndexOf(follows.Between(follows.Lead, follows.Content)) : -1;
            if (found < 0)
                return null;
            newEnd = from + found;
        }
        else if (next == at)
            return null;
        var lead = child.Place.Start - child.Place.Lead;
        return newEnd >= n + lead && IsSame(o, n, lead) && Changed(child, o + lead, n + lead, newEnd, lines, depth + 1) is { } changed
            ? (changed, newEnd)
            : null;
    }

    // The elements of a piece of the new text, and how many characters stand behind the last one.
    private bool TryRead(int from, int to, int depth, out IReadOnlyList<ConfigNode> nodes, out int rest)
    {
        nodes = [];
        rest = to - from;
        if (BoundedXml.ReadPiece(_new[from..to], Lines(_new, 0, from), depth, out var elements) is not { } read)
            return false;
        _elements += elements;
        if (read.Count > 0)
            rest -= read[^1].Place.End;
        nodes = read;
        return true;
    }

    private ConfigNode? Broken()
    {
        _isBroken = true;
        return null;
    }

    private bool IsSame(int oldAt, int newAt, int length) =>
        newAt + length <= _new.Length && _old.AsSpan(oldAt, length).SequenceEqual(_new.AsSpan(newAt, length));

    private static int Lines(string text, int from, int to) => text.AsSpan(from, to - from).Count('\n');

    private static int CommonEnd(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
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

    // Characters of an element with what stands before it.
    private static int Whole(ConfigNode node) => node.Place.Start - node.Place.Lead + Length(node);

    private static int Length(ConfigNode node)
    {
        ref readonly var place = ref node.Place;
        if (node.IsAsWritten)
            return place.End - place.Start;
        // Its own text has one character in place of the children.
        var length = place.End - place.Start - 1;
        foreach (var child in node.Children)
            length += Whole(child);
        return length;
    }

    private void Discount(ImmutableArray<ConfigNode> nodes, int from, int to)
    {
        foreach (var gone in nodes.AsSpan()[from..to])
            _elements -= Count(gone);
    }

    private static int Count(ConfigNode node)
    {
        var count = 1;
        foreach (var child in node.Children)
            count += Count(child);
        return count;
    }
}
