using Redoubt.Core.Configuration;

namespace Redoubt.Core.ConfigSync;

/// <summary>What a push may be at most, beyond the limits of XML-RPC and of a configuration file.</summary>
public static class SyncLimits
{
    /// <summary>Problems that are told one by one; a push with any is refused.</summary>
    public const int Problems = 50;

    /// <summary>Notes that are told one by one.</summary>
    public const int Notes = 200;

    /// <summary>Characters of a name that becomes an element.</summary>
    public const int NameCharacters = 64;

    /// <summary>Nested elements of a section; the root and the section's own level are left.</summary>
    public const int Depth = ConfigurationLimits.Depth - 4;

    /// <summary>Added to advskew on each hop, so that the primary stays the better one.</summary>
    public const int SkewPerHop = 100;

    /// <summary>The worst advskew and the longest advbase that travel.</summary>
    public const int LargestSkew = 254;

    /// <summary>Nodes that a push passes through.</summary>
    public const int Hops = ConfigurationLimits.Nodes;
}
