namespace Redoubt.Core.XmlRpc;

/// <summary>Why a call was not answered with a value. Peers compare codes: the texts are pfSense's, but it translates them.</summary>
/// <param name="Code">The code.</param>
/// <param name="Text">One line for people.</param>
public sealed record XmlRpcFault(int Code, string Text)
{
    /// <summary>Code of what this node refuses to do, or could not do; pfSense has none.</summary>
    public const int RefusedCode = -32500;

    /// <summary>Code for changes of something else than this node holds: the sender is to send the whole. Only between our own nodes.</summary>
    public const int OutdatedCode = -32501;

    /// <summary>Missing or wrong credentials.</summary>
    public static XmlRpcFault BadPassword { get; } = new(-1, "Authentication failed: Invalid username or password");

    /// <summary>The account lacks the privilege.</summary>
    public static XmlRpcFault NoPrivilege { get; } = new(-2, "Authentication failed: not enough privileges");

    /// <summary>The body is not a call.</summary>
    public static XmlRpcFault Unparsable { get; } = new(0, "Unable to parse request XML");

    /// <summary>No such method.</summary>
    public static XmlRpcFault UnknownMethod { get; } = new(-32601, "server error. requested method not found");

    /// <summary>Too few parameters, or of the wrong kind.</summary>
    public static XmlRpcFault BadParameters { get; } = new(-32602, "server error. invalid method parameters");

    /// <summary>Refused or failed for a reason of this node's.</summary>
    public static XmlRpcFault Refused(string text) => new(RefusedCode, text);
}
