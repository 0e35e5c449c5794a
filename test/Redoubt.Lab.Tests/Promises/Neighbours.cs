using Redoubt.Core;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>What a host believes about its neighbours.</summary>
internal static class Neighbours
{
    /// <summary>The MAC that a place knows for an address on a device; null where it knows none.</summary>
    public static MacAddress? Known(Place place, string device, string address)
    {
        var words = place.Execute("ip", "neigh", "show", "to", address, "dev", device).Split((char[])[' ', '\n']);
        var at = Array.IndexOf(words, "lladdr");
        return at >= 0 && MacAddress.TryParse(words[at + 1], out var mac) ? mac : null;
    }
}
