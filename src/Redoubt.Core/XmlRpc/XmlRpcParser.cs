using System.Collections.Immutable;
using System.Globalization;
using System.Xml;

namespace Redoubt.Core.XmlRpc;

/// <summary>The grammar of XML-RPC over an XML reader: each step either goes on or leaves a refusal.</summary>
/// <remarks><code>
/// methodCall     = methodName [params]          params = param*      param = value
/// methodResponse = params | fault               fault  = value (struct of faultCode and faultString)
/// value          = text | string | int | i4 | i8 | boolean | double | dateTime.iso8601 | base64 | nil | struct | array
/// struct         = member*    member = name value        array = data    data = value*
/// </code>Open structs and arrays stand on a stack of ours, so depth costs a count and never the thread's stack.</remarks>
internal struct XmlRpcParser(XmlReader reader, XmlRpcLimits limits)
{
    private readonly XmlRpcTexts _texts = new(limits);
    private readonly Stack<Frame> _open = new();
    private int _values;

    /// <summary>Why the last step failed.</summary>
    public XmlRpcRefusal Refusal { get; private set; }

    /// <summary>True when the message says that it is ISO 8859-1, as old clients do whose texts are ASCII: only such are taken.</summary>
    public bool IsDeclaredLatin1 { get; private set; }

    /// <summary>Reads a whole call.</summary>
    public bool TryCall(out XmlRpcCall? call)
    {
        call = null;
        if (!TryRoot("methodCall", out var empty))
            return false;
        if (empty || !TryOpen("methodName", out empty) || !TryName(empty, out var method))
            return Fail(XmlRpcReason.Incomplete, "methodCall without methodName");
        if (!IsMethodName(method))
            return Fail(XmlRpcReason.BadName, "not a method's name");
        var parameters = ImmutableArray.CreateBuilder<XmlRpcValue>();
        if (!TryNext(out var node))
            return false;
        if (node == XmlNodeType.Element && !TryParameters(parameters))
            return false;
        if (node == XmlNodeType.Element ? !TryClose() : node != XmlNodeType.EndElement)
            return Fail(XmlRpcReason.Incomplete, "methodCall does not end");
        call = new XmlRpcCall(method, parameters.DrainToImmutable());
        return TryEnd();
    }

    /// <summary>Reads a whole response.</summary>
    public bool TryResponse(out XmlRpcResponse? response)
    {
        response = null;
        if (!TryRoot("methodResponse", out var empty))
            return false;
        if (empty || !TryNext(out var node) || node != XmlNodeType.Element)
            return Fail(XmlRpcReason.Incomplete, "methodResponse without content");
        if (reader.Name == "fault")
        {
            if (reader.IsEmptyElement || !TryOpen("value", out empty) || !TryValue(empty, out var detail) || !TryClose())
                return Fail(XmlRpcReason.Incomplete, "fault without value");
            if (!TryFault(detail!, out var fault))
                return Fail(XmlRpcReason.BadFault, "a fault without code or text");
            response = new XmlRpcResponse(fault!);
        }
        else
        {
            var parameters = ImmutableArray.CreateBuilder<XmlRpcValue>();
            if (!TryParameters(parameters))
                return false;
            if (parameters.Count > 1)
                return Fail(XmlRpcReason.TooManyParameters, "a response has one value");
            response = new XmlRpcResponse(parameters.Count == 0 ? XmlRpcNil.Instance : parameters[0]);
        }
        return TryClose() && TryEnd();
    }

    private static bool TryFault(XmlRpcValue value, out XmlRpcFault? fault)
    {
        fault = null;
        if (value is not XmlRpcStruct detail || detail["faultString"] is not XmlRpcString text)
            return false;
        long? code = detail["faultCode"] switch
        {
            XmlRpcInt number => number.Value,
            XmlRpcString s when long.TryParse(s.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) => n,
            _ => null,
        };
        if (code is not (>= int.MinValue and <= int.MaxValue))
            return false;
        fault = new XmlRpcFault((int)code.Value, text.Value);
        return true;
    }

    // On <params>, or <params/>; leaves the reader on its end.
    private bool TryParameters(ImmutableArray<XmlRpcValue>.Builder parameters)
    {
        if (reader.Name != "params")
            return Fail(XmlRpcReason.UnexpectedElement, "an element where params is expected");
        if (reader.IsEmptyElement)
            return true;
        while (true)
        {
            if (!TryNext(out var node))
                return false;
            if (node == XmlNodeType.EndElement)
                return true;
            if (reader.Name != "param" || reader.IsEmptyElement)
                return Fail(XmlRpcReason.UnexpectedElement, "an element where param is expected");
            if (parameters.Count == limits.Parameters)
                return Fail(XmlRpcReason.TooManyParameters, "too many parameters");
            if (!TryOpen("value", out var empty) || !TryValue(empty, out var value) || !TryClose())
                return Fail(XmlRpcReason.Incomplete, "param without value");
            parameters.Add(value!);
        }
    }

    // On <value>; leaves the reader on its end. One turn of the loop for each value that begins or ends.
    private bool TryValue(bool empty, out XmlRpcValue? result)
    {
        result = null;
        while (true)
        {
            if (!TryBegin(empty, out var value))
                return false;
            while (value is not null)
            {
                if (_open.Count == 0)
                {
                    result = value;
                    return true;
                }
                if (!TryContinue(ref value))
                    return false;
            }
            // A container is open and the reader is on the <value> that comes next in it.
            empty = reader.IsEmptyElement;
        }
    }

    // On <value>: a value that is whole, with the reader on </value>; or null: a container was opened and the reader is on its first <value>.
    private bool TryBegin(bool empty, out XmlRpcValue? value)
    {
        value = null;
        if (++_values > limits.Values)
            return Fail(XmlRpcReason.TooManyValues, "too many values");
        if (empty)
        {
            value = XmlRpcString.Empty;
            return true;
        }
        if (!TryText(out var node))
            return false;
        if (node == XmlNodeType.EndElement)
        {
            value = _texts.Value();
            return true;
        }
        if (!_texts.IsBlank)
            return Fail(XmlRpcReason.UnexpectedText, "text beside an element in a value");
        switch (reader.Name)
        {
            case "struct":
                return TryPush(isStruct: true, reader.IsEmptyElement, out value);
            case "array":
                if (reader.IsEmptyElement || !TryOpen("data", out var noData))
                    return Fail(XmlRpcReason.Incomplete, "array without data");
                return TryPush(isStruct: false, noData, out value);
            default:
                return TryScalar(out value) && TryClose();
        }
    }

    private bool TryPush(bool isStruct, bool empty, out XmlRpcValue? value)
    {
        value = null;
        if (_open.Count + 1 >= limits.Depth)
            return Fail(XmlRpcReason.TooDeep, "values are nested too deeply");
        _open.Push(new Frame(isStruct));
        if (!empty)
            return TryItem(out value);
        value = _open.Pop().Close();
        return (isStruct || TryClose()) && TryClose();
    }

    // An item of the open container is whole: puts it in and goes to the next one, or closes the container, which is then a whole value itself.
    private bool TryContinue(ref XmlRpcValue? value)
    {
        var frame = _open.Peek();
        if (!frame.TryAdd(value!))
            return Fail(XmlRpcReason.DuplicateMember, "two members of one name");
        value = null;
        return (!frame.IsStruct || TryClose()) && TryItem(out value);
    }

    // To the <value> of the next item (value null), or past the container's end (value: the container, reader on its </value>).
    private bool TryItem(out XmlRpcValue? value)
    {
        value = null;
        var frame = _open.Peek();
        if (!TryNext(out var node))
            return false;
        if (node == XmlNodeType.EndElement)
        {
            value = _open.Pop().Close();
            return (frame.IsStruct || TryClose()) && TryClose();
        }
        if (!frame.IsStruct)
            return reader.Name == "value" || Fail(XmlRpcReason.UnexpectedElement, "an element where value is expected");
        if (reader.Name != "member" || reader.IsEmptyElement)
            return Fail(XmlRpcReason.UnexpectedElement, "an element where member is expected");
        if (!TryOpen("name", out var empty) || !TryName(empty, out var name))
            return Fail(XmlRpcReason.Incomplete, "member without name");
        frame.Name = name;
        return TryOpen("value", out _);
    }

    private bool TryScalar(out XmlRpcValue? value)
    {
        value = null;
        var kind = reader.Name;
        _texts.Clear();
        if (!reader.IsEmptyElement)
        {
            if (!TryText(out var node))
                return false;
            if (node != XmlNodeType.EndElement)
                return Fail(XmlRpcReason.UnexpectedElement, "an element within a scalar");
        }
        switch (kind)
        {
            case "string":
                value = _texts.Value();
                return true;
            case "int" or "i4" or "i8":
            case "boolean":
            case "double":
            case "dateTime.iso8601":
            case "base64":
            case "nil":
                value = XmlRpcScalars.Read(kind, _texts.Current);
                return value is not null || Fail(XmlRpcReason.BadScalar, $"not of the kind {kind}");
            default:
                return Fail(XmlRpcReason.UnexpectedElement, "an element that is no kind of value");
        }
    }

    private bool TryRoot(string name, out bool empty)
    {
        empty = false;
        if (!reader.Read())
            return Fail(XmlRpcReason.Incomplete, "empty message");
        if (reader.NodeType == XmlNodeType.XmlDeclaration)
        {
            var encoding = reader.GetAttribute("encoding");
            IsDeclaredLatin1 = "iso-8859-1".Equals(encoding, StringComparison.OrdinalIgnoreCase);
            if (encoding is not null && !IsUtf8(encoding) && !IsDeclaredLatin1)
                return Fail(XmlRpcReason.Encoding, "declared to be something else than UTF-8");
            return TryOpen(name, out empty);
        }
        while (reader.NodeType != XmlNodeType.Element)
        {
            if (!reader.Read())
                return Fail(XmlRpcReason.Incomplete, "empty message");
        }
        empty = reader.IsEmptyElement;
        return reader.Name == name || Fail(XmlRpcReason.UnexpectedElement, $"an element where {name} is expected");
    }

    private static bool IsUtf8(string encoding) =>
        encoding.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        || encoding.Equals("utf8", StringComparison.OrdinalIgnoreCase)
        || encoding.Equals("us-ascii", StringComparison.OrdinalIgnoreCase);

    private bool TryEnd()
    {
        while (reader.Read())
        {
            if (reader.NodeType != XmlNodeType.Whitespace)
                return Fail(XmlRpcReason.UnexpectedElement, "something after the envelope");
        }
        return true;
    }

    private bool TryOpen(string name, out bool empty)
    {
        empty = false;
        if (!TryNext(out var node))
            return false;
        if (node != XmlNodeType.Element || reader.Name != name)
            return Fail(XmlRpcReason.UnexpectedElement, $"{name} is missing");
        empty = reader.IsEmptyElement;
        return true;
    }

    private bool TryClose()
    {
        if (!TryNext(out var node))
            return false;
        return node == XmlNodeType.EndElement || Fail(XmlRpcReason.UnexpectedElement, "an element too many");
    }

    // The next start or end tag; only white space may stand before it.
    private bool TryNext(out XmlNodeType node)
    {
        while (reader.Read())
        {
            node = reader.NodeType;
            if (node is XmlNodeType.Element or XmlNodeType.EndElement)
                return true;
            if (node is XmlNodeType.Text or XmlNodeType.CDATA)
                return Fail(XmlRpcReason.UnexpectedText, "text between elements");
        }
        node = XmlNodeType.None;
        return Fail(XmlRpcReason.Incomplete, "the message ends too early");
    }

    // Everything up to the next tag.
    private bool TryText(out XmlNodeType node)
    {
        _texts.Clear();
        while (reader.Read())
        {
            node = reader.NodeType;
            if (node is XmlNodeType.Element or XmlNodeType.EndElement)
                return true;
            if (!_texts.TryAppend(reader))
                return Fail(XmlRpcReason.LongText, "a text is too long");
        }
        node = XmlNodeType.None;
        return Fail(XmlRpcReason.Incomplete, "the message ends too early");
    }

    private bool TryName(bool empty, out string name)
    {
        name = "";
        if (empty)
            return Fail(XmlRpcReason.BadName, "an empty name");
        if (!TryText(out var node))
            return false;
        if (node != XmlNodeType.EndElement)
            return Fail(XmlRpcReason.UnexpectedElement, "an element within a name");
        var text = _texts.Current.Trim(" \t\r\n");
        if (text.IsEmpty || text.Length > limits.NameCharacters)
            return Fail(XmlRpcReason.BadName, "a name that is empty or too long");
        name = _texts.Intern(text);
        return true;
    }

    private static bool IsMethodName(string name)
    {
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or ':' or '/' or '-'))
                return false;
        }
        return true;
    }

    // The first reason is the one that tells most.
    private bool Fail(XmlRpcReason reason, string message)
    {
        if (Refusal.IsNone)
            Refusal = new XmlRpcRefusal(reason, ((IXmlLineInfo)reader).LineNumber, message);
        return false;
    }

    /// <summary>A struct or array that is not closed yet.</summary>
    private sealed class Frame(bool isStruct)
    {
        // Below this many members a look at each costs less than a set.
        private const int FewMembers = 16;
        private readonly ImmutableArray<XmlRpcMember>.Builder? _members = isStruct ? ImmutableArray.CreateBuilder<XmlRpcMember>() : null;
        private readonly ImmutableArray<XmlRpcValue>.Builder? _items = isStruct ? null : ImmutableArray.CreateBuilder<XmlRpcValue>();
        private HashSet<string>? _names;

        public bool IsStruct => isStruct;

        /// <summary>Name of the member whose value comes next.</summary>
        public string Name { get; set; } = "";

        public bool TryAdd(XmlRpcValue value)
        {
            if (_items is not null)
            {
                _items.Add(value);
                return true;
            }
            if (!IsNew(Name))
                return false;
            _members!.Add(new XmlRpcMember(Name, value));
            return true;
        }

        public XmlRpcValue Close() =>
            _members is not null ? new XmlRpcStruct(_members.DrainToImmutable())
            : _items!.Count == 0 ? XmlRpcArray.Empty
            : new XmlRpcArray(_items.DrainToImmutable());

        private bool IsNew(string name)
        {
            if (_names is not null)
                return _names.Add(name);
            foreach (var member in _members!)
            {
                if (member.Name == name)
                    return false;
            }
            if (_members.Count == FewMembers)
                _names = [.. _members.Select(m => m.Name), name];
            return true;
        }
    }
}
