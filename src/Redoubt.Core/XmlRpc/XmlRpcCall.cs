using System.Collections.Immutable;

namespace Redoubt.Core.XmlRpc;

/// <summary>A request.</summary>
/// <param name="Method">The method's name, prefix included: <c>pfsense.restore_config_section</c>.</param>
/// <param name="Parameters">The parameters, in order.</param>
public sealed record XmlRpcCall(string Method, ImmutableArray<XmlRpcValue> Parameters);
