namespace Redoubt.Core.XmlRpc;

/// <summary>Why a message was not taken, or could not be written.</summary>
public enum XmlRpcReason : byte
{
    /// <summary>It was.</summary>
    None,

    /// <summary>More bytes than allowed.</summary>
    TooLarge,

    /// <summary>Not well-formed XML.</summary>
    NotXml,

    /// <summary>Not UTF-8, or declared to be something else.</summary>
    Encoding,

    /// <summary>A document type: with it come entities, and nobody needs one here.</summary>
    DocumentType,

    /// <summary>A tag that is longer than any of XML-RPC.</summary>
    LongTag,

    /// <summary>Values nested too deeply.</summary>
    TooDeep,

    /// <summary>Too many values.</summary>
    TooManyValues,

    /// <summary>A text that is too long.</summary>
    LongText,

    /// <summary>An element where XML-RPC has none of that name, or none at all.</summary>
    UnexpectedElement,

    /// <summary>Text where XML-RPC has none.</summary>
    UnexpectedText,

    /// <summary>Something that must be there is not.</summary>
    Incomplete,

    /// <summary>A number, boolean, date or base64 text that is not one.</summary>
    BadScalar,

    /// <summary>A method or member name that is empty, too long or holds what names do not hold.</summary>
    BadName,

    /// <summary>A struct with two members of one name.</summary>
    DuplicateMember,

    /// <summary>More parameters than allowed.</summary>
    TooManyParameters,

    /// <summary>A fault without code or text.</summary>
    BadFault,

    /// <summary>A text that XML 1.0 cannot carry (when writing).</summary>
    UnwritableText,
}

/// <summary>Why and where.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Line">Line from 1; 0 when the whole message is meant.</param>
/// <param name="Message">One clause for people, without anything of the message's content.</param>
public readonly record struct XmlRpcRefusal(XmlRpcReason Reason, int Line, string Message)
{
    /// <summary>Nothing was refused.</summary>
    public static XmlRpcRefusal None { get; } = new(XmlRpcReason.None, 0, "");

    /// <summary>True when nothing was refused.</summary>
    public bool IsNone => Reason == XmlRpcReason.None;

    /// <inheritdoc/>
    public override string ToString() =>
        IsNone ? "none"
        : Line == 0 ? Message
        : $"line {Line}: {Message}";
}
