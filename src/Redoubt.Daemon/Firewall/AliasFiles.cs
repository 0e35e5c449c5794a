using System.Collections.Immutable;
using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Daemon.Firewall;

/// <summary>
/// The files <c>aliases/NAME</c> of the state directory: values of aliases that config.xml does not hold, put there by whoever fetches tables or
/// looks names up. Not thread safe: one owner.
/// </summary>
internal sealed class AliasFiles(string stateDirectory)
{
    private const int MaxBytes = 16 * 1024 * 1024;
    private readonly string _directory = Path.Combine(stateDirectory, "aliases");
    private Dictionary<string, (DateTime Written, long Length)> _seen = [];

    /// <summary>Reads what the configuration asks for; a file that is missing, unreadable or too large is as no file.</summary>
    public ImmutableDictionary<string, AliasFile> Read(NodeConfiguration configuration)
    {
        var names = Names(configuration);
        _seen = Stamps(names);
        var tables = ImmutableDictionary.CreateBuilder<string, AliasFile>();
        foreach (var name in _seen.Keys)
        {
            try
            {
                tables[name] = AliasFile.Parse(File.ReadAllText(Path.Combine(_directory, name)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Removed or replaced at this moment: the next look sees it.
            }
        }
        return tables.ToImmutable();
    }

    /// <summary>Whether a file came, went or changed since the last <see cref="Read"/>.</summary>
    public bool HaveChanged(NodeConfiguration configuration)
    {
        var now = Stamps(Names(configuration));
        return now.Count != _seen.Count || now.Any(n => !_seen.TryGetValue(n.Key, out var seen) || seen != n.Value);
    }

    // Names of aliases are letters, digits and underscores: none leads out of the directory.
    private static IEnumerable<string> Names(NodeConfiguration configuration) =>
        configuration
            .Aliases.Values.SelectMany(a => a.Tables)
            .Concat(configuration.Interfaces.Any(i => i.BlockBogons) ? [RulesetContext.BogonTable, RulesetContext.BogonTableIPv6] : [])
            .Distinct();

    private Dictionary<string, (DateTime Written, long Length)> Stamps(IEnumerable<string> names)
    {
        var stamps = new Dictionary<string, (DateTime, long)>();
        if (!Directory.Exists(_directory))
            return stamps;
        foreach (var name in names)
        {
            var file = new FileInfo(Path.Combine(_directory, name));
            if (file is { Exists: true, Length: <= MaxBytes })
                stamps[name] = (file.LastWriteTimeUtc, file.Length);
        }
        return stamps;
    }
}
