using System.Buffers;
using System.Text;

namespace Redoubt.Core.Configuration.Document;

/// <summary>Writes elements: as they stand in their file where nothing changed, else as pfSense does (a tab for each level, an empty element as two tags).</summary>
internal static class ConfigNodeWriter
{
    private static readonly SearchValues<char> _nameEnds = SearchValues.Create(" \t\r\n/>");

    /// <summary>Writes an element, without what stands before it. Depth is bounded by the reader and by <see cref="ConfigDocument"/>.</summary>
    public static void Write(StringBuilder output, ConfigNode node, int level)
    {
        ref readonly var place = ref node.Place;
        if (node.IsAsWritten)
        {
            output.Append(place.Between(place.Start, place.End));
            return;
        }
        StartTag(output, node);
        if (node.Children.IsEmpty)
            ConfigText.Append(output, node.Name, node.Text);
        foreach (var child in node.Children)
        {
            if (child.Place.Source is null)
                Indent(output, level + 1);
            else
                output.Append(child.Place.Between(child.Place.Lead, child.Place.Start));
            Write(output, child, level + 1);
        }
        if (!node.Children.IsEmpty)
        {
            // What stood behind the last child may hold a comment; without a child there was only text.
            if (place.Source is not null && place.Tail > place.Content)
                output.Append(place.Between(place.Tail, place.ContentEnd));
            else
                Indent(output, level);
        }
        EndTag(output, node);
    }

    private static void Indent(StringBuilder output, int level) => output.Append('\n').Append('\t', level);

    private static void StartTag(StringBuilder output, ConfigNode node)
    {
        ref readonly var place = ref node.Place;
        if (place.Source is null)
            output.Append('<').Append(node.Name).Append('>');
        else if (place.ContentEnd < place.End)
            output.Append(place.Between(place.Start, place.Content));
        else
            output.Append(place.Between(place.Start, place.Content - 2).TrimEnd(" \t\r\n")).Append('>');
    }

    private static void EndTag(StringBuilder output, ConfigNode node)
    {
        ref readonly var place = ref node.Place;
        if (place.Source is null)
        {
            output.Append("</").Append(node.Name).Append('>');
            return;
        }
        if (place.ContentEnd < place.End)
        {
            output.Append(place.Between(place.ContentEnd, place.End));
            return;
        }
        var tag = place.Between(place.Start + 1, place.Content);
        output.Append("</").Append(tag[..tag.IndexOfAny(_nameEnds)]).Append('>');
    }
}
