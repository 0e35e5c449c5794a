using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Redoubt.Core.XmlRpc;

/// <summary>
/// Writes messages as PHP's XML_RPC2 does: UTF-8, no white space, only <c>&amp; &lt; &gt;</c> escaped. One exception: a carriage return goes as
/// a reference, for every XML parser reads a bare one as a line feed.
/// </summary>
public static class XmlRpcWriter
{
    // Deeper values than a reader takes are refused before they are sent.
    private static readonly int _depth = XmlRpcLimits.Default.Depth;

    // What XML 1.0 cannot carry is among these, but for lone surrogates; those the transcoder finds.
    private static readonly SearchValues<char> _special = SearchValues.Create([
        .. Enumerable.Range(0, 0x20).Select(c => (char)c).Except("\t\n"),
        '&',
        '<',
        '>',
        '\uFFFE',
        '\uFFFF',
    ]);

    /// <summary>Writes a call. Where it is refused, what was written until then is to be thrown away.</summary>
    public static XmlRpcRefusal WriteCall(IBufferWriter<byte> output, string method, params ReadOnlySpan<XmlRpcValue> parameters)
    {
        output.Write("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<methodCall><methodName>"u8);
        if (!TryText(output, method))
            return Unwritable;
        output.Write("</methodName><params>"u8);
        foreach (var parameter in parameters)
        {
            output.Write("<param>"u8);
            if (Value(output, parameter) is { IsNone: false } refusal)
                return refusal;
            output.Write("</param>"u8);
        }
        output.Write("</params></methodCall>"u8);
        return XmlRpcRefusal.None;
    }

    /// <summary>Writes a call.</summary>
    public static XmlRpcRefusal WriteCall(IBufferWriter<byte> output, XmlRpcCall call) =>
        WriteCall(output, call.Method, call.Parameters.AsSpan());

    /// <summary>Writes a response with a value.</summary>
    public static XmlRpcRefusal WriteResponse(IBufferWriter<byte> output, XmlRpcValue value)
    {
        output.Write("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<methodResponse><params><param>"u8);
        if (Value(output, value) is { IsNone: false } refusal)
            return refusal;
        output.Write("</param></params></methodResponse>"u8);
        return XmlRpcRefusal.None;
    }

    /// <summary>Writes a fault. Always succeeds: what XML cannot carry of its text becomes a replacement character.</summary>
    public static void WriteFault(IBufferWriter<byte> output, XmlRpcFault fault)
    {
        output.Write("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<methodResponse><fault>"u8);
        ImmutableArray<XmlRpcMember> members =
        [
            new("faultCode", new XmlRpcInt(fault.Code)),
            new("faultString", new XmlRpcString(Writable(fault.Text))),
        ];
        Value(output, new XmlRpcStruct(members));
        output.Write("</fault></methodResponse>"u8);
    }

    private static XmlRpcRefusal Unwritable => new(XmlRpcReason.UnwritableText, 0, "a text holds characters that XML cannot carry");

    // One turn for each value, member name or end; containers that are not finished stand on the stack.
    private static XmlRpcRefusal Value(IBufferWriter<byte> output, XmlRpcValue root)
    {
        var open = new Stack<(XmlRpcValue Container, int Next)>();
        var value = root;
        while (true)
        {
            output.Write("<value>"u8);
            if (value is XmlRpcArray or XmlRpcStruct)
            {
                if (open.Count + 1 >= _depth)
                    return new XmlRpcRefusal(XmlRpcReason.TooDeep, 0, "values are nested too deeply");
                output.Write(value is XmlRpcArray ? "<array><data>"u8 : "<struct>"u8);
                open.Push((value, 0));
            }
            else
            {
                if (!TryScalar(output, value))
                    return Unwritable;
                output.Write("</value>"u8);
            }
            if (!TryNext(output, open, out var next))
                return Unwritable;
            if (next is null)
                return XmlRpcRefusal.None;
            value = next;
        }
    }

    // The value that comes next, with everything before it written; null at the end.
    private static bool TryNext(IBufferWriter<byte> output, Stack<(XmlRpcValue Container, int Next)> open, out XmlRpcValue? next)
    {
        next = null;
        while (open.TryPop(out var top))
        {
            if (top.Container is XmlRpcArray array)
            {
                if (top.Next < array.Values.Length)
                {
                    open.Push((array, top.Next + 1));
                    next = array.Values[top.Next];
                    return true;
                }
                output.Write("</data></array></value>"u8);
                continue;
            }
            var members = ((XmlRpcStruct)top.Container).Members;
            if (top.Next > 0)
                output.Write("</member>"u8);
            if (top.Next < members.Length)
            {
                open.Push((top.Container, top.Next + 1));
                output.Write("<member><name>"u8);
                if (!TryText(output, members[top.Next].Name))
                    return false;
                output.Write("</name>"u8);
                next = members[top.Next].Value;
                return true;
            }
            output.Write("</struct></value>"u8);
        }
        return true;
    }

    private static bool TryScalar(IBufferWriter<byte> output, XmlRpcValue value)
    {
        if (value is XmlRpcNil)
        {
            output.Write("<nil/>"u8);
            return true;
        }
        Tag(output, "<"u8, value.Kind);
        var written = value switch
        {
            XmlRpcString text => TryText(output, text.Value),
            XmlRpcInt number => TryText(output, number.Value.ToString(CultureInfo.InvariantCulture)),
            XmlRpcBoolean boolean => TryText(output, boolean.Value ? "1" : "0"),
            XmlRpcDouble number => double.IsFinite(number.Value)
                && TryText(output, number.Value.ToString("R", CultureInfo.InvariantCulture)),
            XmlRpcDateTime date => TryText(output, date.Value),
            XmlRpcBase64 bytes => TryText(output, Convert.ToBase64String(bytes.Value.AsSpan())),
            _ => false,
        };
        Tag(output, "</"u8, value.Kind);
        return written;
    }

    private static void Tag(IBufferWriter<byte> output, ReadOnlySpan<byte> open, string name)
    {
        output.Write(open);
        Encoding.ASCII.GetBytes(name, output);
        output.Write(">"u8);
    }

    private static bool TryText(IBufferWriter<byte> output, ReadOnlySpan<char> text)
    {
        while (true)
        {
            var at = text.IndexOfAny(_special);
            if (!TryPlain(output, at < 0 ? text : text[..at]))
                return false;
            if (at < 0)
                return true;
            switch (text[at])
            {
                case '&':
                    output.Write("&amp;"u8);
                    break;
                case '<':
                    output.Write("&lt;"u8);
                    break;
                case '>':
                    output.Write("&gt;"u8);
                    break;
                case '\r':
                    output.Write("&#13;"u8);
                    break;
                default:
                    return false;
            }
            text = text[(at + 1)..];
        }
    }

    private static bool TryPlain(IBufferWriter<byte> output, ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            var status = System.Text.Unicode.Utf8.FromUtf16(
                text,
                output.GetSpan(Math.Min(text.Length * 3, 4096)),
                out var read,
                out var written,
                replaceInvalidSequences: false
            );
            output.Advance(written);
            text = text[read..];
            if (status is OperationStatus.InvalidData or OperationStatus.NeedMoreData)
                return false;
        }
        return true;
    }

    private static string Writable(string text) =>
        string.Concat(
            text.EnumerateRunes()
                .Select(r => r.Value < 0x20 && r.Value is not (9 or 10 or 13) || r.Value is 0xFFFE or 0xFFFF ? Rune.ReplacementChar : r)
        );
}
