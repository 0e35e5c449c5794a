using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>What an alias stands for, nested ones resolved.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Prefixes">Hosts and networks that the file lists; ranges are cut into networks.</param>
/// <param name="Ports">Ports that the file lists.</param>
/// <param name="Tables">
/// Names of the aliases, itself or nested ones, that have more than the file lists: fetched tables and host names. Their values come
/// from outside, see <see cref="Firewall.RulesetContext.Tables"/>.
/// </param>
/// <param name="IsPorts">An alias of ports.</param>
public sealed record AliasContent(
    string Name,
    ImmutableArray<AddressPrefix> Prefixes,
    ImmutableArray<PortRange> Ports,
    ImmutableArray<string> Tables,
    bool IsPorts
);
