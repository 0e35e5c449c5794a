using System.Collections.Immutable;
using System.Security.Cryptography;
using Redoubt.Control;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Daemon.Cluster;

namespace Redoubt.Daemon.Configuration;

/// <summary>One configuration in its three forms: bytes, everything that is in them, and what of it this program acts on.</summary>
/// <param name="Bytes">The file.</param>
/// <param name="Document">The file as a tree.</param>
/// <param name="Configuration">What was read from it.</param>
/// <param name="Digest">SHA-256 of <paramref name="Bytes"/>, hexadecimal.</param>
/// <param name="Kept">Sections that are kept and not acted on by what reads <paramref name="Configuration"/>.</param>
internal sealed record ConfigSnapshot(
    byte[] Bytes,
    ConfigDocument Document,
    NodeConfiguration Configuration,
    string Digest,
    ImmutableArray<string> Kept
)
{
    /// <summary>What reading it came to.</summary>
    private ConfigurationResult? Result { get; init; }

    /// <summary>The cluster's secret, from the file that the configuration names; null where it names none.</summary>
    public ClusterSecret? Secret { get; private init; }

    /// <summary>
    /// Reads a file; null where it has errors. <paramref name="problems"/> holds errors and warnings. Much of it may be as in <paramref name="known"/>: that is
    /// not worked out again.
    /// </summary>
    public static ConfigSnapshot? TryRead(
        byte[] bytes,
        string file,
        out IReadOnlyList<ConfigurationProblem> problems,
        ConfigSnapshot? known = null
    )
    {
        List<ConfigurationProblem> all = [];
        problems = all;
        ConfigDocument? document;
        XmlRefusal? refusal;
        var isRead = known is null
            ? ConfigDocument.TryRead(bytes, out document, out refusal)
            : ConfigDocument.TryRead(bytes, known.Document, known.Bytes, out document, out refusal);
        if (!isRead)
        {
            all.Add(new ConfigurationProblem(true, file, refusal!.Line, "", refusal.Message, ""));
            return null;
        }
        // One tree for both: what is acted on is read from what is kept.
        var result = ConfigurationReader.Read(document!, file, known?.Result);
        all.AddRange(result.Problems);
        if (result.Configuration is not { } configuration)
            return null;
        var secret = ReadSecret(configuration, file, all);
        if (all.Any(p => p.IsError))
            return null;
        return new ConfigSnapshot(bytes, document!, configuration, DigestOf(bytes), result.KeptSections)
        {
            Secret = secret,
            Result = result,
        };
    }

    /// <summary>SHA-256 of a file, hexadecimal.</summary>
    public static string DigestOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>A problem as the control socket tells it.</summary>
    public static ConfigProblem Told(ConfigurationProblem problem) =>
        new(problem.IsError ? "error" : "warning", problem.Line, problem.Element, problem.Message, problem.Expected);

    /// <summary>What is checked and kept for a later version changes nothing today: said once, so that nobody relies on it.</summary>
    public IEnumerable<string> NotInForce()
    {
        var settings = Configuration.Redoubt;
        if (settings.SecretFile is null && settings.Profile != FailoverProfile.Carp && !settings.Peers.IsEmpty)
            yield return "failover/profile (without cluster/secretfile there are no heartbeats: CARP's timers decide)";
        if (settings.SyncLinks.Length > 1 && settings.Transport == StateSyncTransport.Pfsync)
            yield return "the second cluster/synclink, for state sync (plain pfsync uses one; heartbeats use both)";
        if (settings.Defer && settings.Transport == StateSyncTransport.Pfsync)
            yield return "statesync/defer (only the nodes' own transport can hold packets)";
    }

    // Beside the configuration file, whatever folder this program runs in.
    private static ClusterSecret? ReadSecret(NodeConfiguration configuration, string file, List<ConfigurationProblem> problems)
    {
        if (configuration.Redoubt.SecretFile is not { } name)
            return null;
        var secret = SecretFile.TryLoad(SecretFile.PathOf(file, name), out var error);
        if (secret is null)
            problems.Add(new ConfigurationProblem(true, file, 0, "redoubt/cluster/secretfile", error, ""));
        return secret;
    }
}
