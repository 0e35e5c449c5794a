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

    /// <summary>Interfaces.</summary>
    public const int Interfaces = 256;

    /// <summary>Filter rules, and likewise outbound NAT rules.</summary>
    public const int Rules = 50_000;

    /// <summary>Values of one alias, nested aliases included.</summary>
    public const int AliasValues = 10_000;

    /// <summary>Values of all aliases together, each counted where it is used in another alias.</summary>
    public const int AliasTotal = 500_000;

    /// <summary>Nested aliases below one another.</summary>
    public const int AliasDepth = 8;

    /// <summary>Problems of each kind (errors, warnings) that are reported one by one; the rest is counted.</summary>
    public const int Problems = 500;

    /// <summary>Nodes of a cluster.</summary>
    public const int Nodes = 8;

    /// <summary>Groups, checks, witnesses and unicast peers, each.</summary>
    public const int FailoverItems = 64;
}
