using System.Collections.Immutable;
using System.Net;

namespace Redoubt.Web.Requests;

/// <summary>Who calls, and by which way the call came.</summary>
/// <param name="User">The account; empty when none was named.</param>
/// <param name="Address">Where the connection comes from.</param>
/// <param name="Origin">Id of the Redoubt node that began a push; null from others.</param>
/// <param name="Path">Ids of the nodes the push came through.</param>
/// <param name="Generation">The origin's count of its pushes; null from others.</param>
/// <param name="Bytes">Bytes of the call's body as it came.</param>
internal sealed record Caller(
    string User,
    IPAddress Address,
    string? Origin,
    ImmutableArray<string> Path,
    long? Generation,
    long Bytes = 0
);
