using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>What a node pushes to the next one: the first parameter of <c>restore_config_section</c>.</summary>
/// <param name="Value">The struct: section to content.</param>
/// <param name="Areas">The areas that it carries.</param>
/// <param name="Sections">The sections in it, in its order.</param>
/// <param name="LocalItems">Items that stay here because they are marked <c>nosync</c>.</param>
/// <param name="Notes">What the operator should know about it.</param>
public sealed record PushBody(
    XmlRpcStruct Value,
    SyncAreas Areas,
    ImmutableArray<string> Sections,
    int LocalItems,
    ImmutableArray<SyncProblem> Notes
)
{
    /// <summary>Nothing is ticked: there is nothing to push.</summary>
    public bool IsEmpty => Value.Members.IsEmpty;

    /// <summary>Builds what the configuration's ticked areas send.</summary>
    public static PushBody Build(ConfigDocument document) => Build(document, SyncArea.Of(document));

    /// <summary>Builds what the given areas send, ticked or not.</summary>
    /// <param name="document">This node's configuration.</param>
    /// <param name="areas">What to send.</param>
    /// <param name="addresses">IPv4 addresses of interfaces that the configuration does not tell (DHCP), by logical name.</param>
    public static PushBody Build(ConfigDocument document, SyncAreas areas, IReadOnlyDictionary<string, string>? addresses = null) =>
        new PushBuilder(document, areas, addresses ?? ImmutableDictionary<string, string>.Empty).Build();
}
