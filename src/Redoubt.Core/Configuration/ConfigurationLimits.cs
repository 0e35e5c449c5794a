namespace Redoubt.Core.Configuration;

/// <summary>What a configuration may be at most. Counts follow the largest generated test pair times five.</summary>
public static class ConfigurationLimits
{
    /// <summary>Bytes of a file: the size that the control socket passes on.</summary>
    public const int FileBytes = 64 * 1024 * 1024;

    /// <summary>Nested elements; pfSense's own files reach eight.</summary>
    public const int Depth = 64;

    /// <summary>Elements of a file.</summary>
    public const int Elements = 2_000_000;

    /// <summary>Characters of one element's text that is interpreted; longer text is kept only.</summary>
    public const int InterpretedText = 64 * 1024;

    /// <summary>Virtual addresses.</summary>
    public const int VirtualAddresses = 2_000;

    /// <summary>
    /// Addresses of mode proxyarp on one interface. More is a slip of a key more often than a wish, and it would draw the traffic of a whole provider's network.
    /// </summary>
    public const int ProxiedAddresses = 4_096;

    /// <summary>Interfaces.</summary>
    public const int Interfaces = 256;

    /// <summary>Filter rules, and likewise outbound NAT rules.</summary>
    public const int Rules = 50_000;

    /// <summary>Values of one alias, nested aliases included.</summary>
    public const int AliasValues = 200_000;

    /// <summary>Values of all aliases together, each counted where it is used in another alias.</summary>
    public const int AliasTotal = 1_000_000;

    /// <summary>Nested aliases below one another.</summary>
    public const int AliasDepth = 8;

    /// <summary>Schedules.</summary>
    public const int Schedules = 1_000;

    /// <summary>Time ranges of one schedule.</summary>
    public const int ScheduleRanges = 1_000;

    /// <summary>Gateways, and likewise groups of them.</summary>
    public const int Gateways = 1_000;

    /// <summary>Members of a group of gateways; more are ignored.</summary>
    public const int GatewayMembers = 16;

    /// <summary>Addresses of a translation pool, and ports of a forwarded range that move to other numbers.</summary>
    public const int PoolSize = 256;

    /// <summary>Different tags of rules: a packet has eight bits for them.</summary>
    public const int Tags = 255;

    /// <summary>Different gateways and groups that rules use: a connection has eight bits for them.</summary>
    public const int PolicyRoutes = 255;

    /// <summary>Problems of each kind (errors, warnings) that are reported one by one; the rest is counted.</summary>
    public const int Problems = 500;

    /// <summary>Nodes of a cluster.</summary>
    public const int Nodes = 8;

    /// <summary>Groups, checks, witnesses and unicast peers, each.</summary>
    public const int FailoverItems = 64;
}
