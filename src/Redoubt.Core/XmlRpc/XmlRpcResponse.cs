namespace Redoubt.Core.XmlRpc;

/// <summary>An answer: a value or a fault.</summary>
public sealed record XmlRpcResponse
{
    /// <summary>An answer with a value.</summary>
    public XmlRpcResponse(XmlRpcValue value) => Value = value;

    /// <summary>A fault.</summary>
    public XmlRpcResponse(XmlRpcFault fault) => Fault = fault;

    /// <summary>The value; null for a fault.</summary>
    public XmlRpcValue? Value { get; }

    /// <summary>The fault; null for a value.</summary>
    public XmlRpcFault? Fault { get; }
}
