namespace Redoubt.Core.XmlRpc;

/// <summary>What a message may measure; all of it is refused when one of these is passed.</summary>
public sealed record XmlRpcLimits
{
    /// <summary>The limits of a call or response between two nodes.</summary>
    public static XmlRpcLimits Default { get; } = new();

    /// <summary>Bytes of a message. As large as a document that goes over the control socket.</summary>
    public int Bytes { get; init; } = 64 << 20;

    /// <summary>Values within values.</summary>
    public int Depth { get; init; } = 64;

    /// <summary>Values, those within others included.</summary>
    public int Values { get; init; } = 2_000_000;

    /// <summary>Characters of one text. The longest in a configuration are certificates and revocation lists.</summary>
    public int TextCharacters { get; init; } = 4 << 20;

    /// <summary>Characters of a member's or method's name.</summary>
    public int NameCharacters { get; init; } = 256;

    /// <summary>Characters between &lt; and &gt; of a tag: attributes mean nothing here, and a reader has to keep a tag whole.</summary>
    public int TagCharacters { get; init; } = 1024;

    /// <summary>Parameters of a call.</summary>
    public int Parameters { get; init; } = 16;

    /// <summary>Bytes before the envelope of a response: whatever a script printed there.</summary>
    public int LeadingBytes { get; init; } = 64 << 10;
}
