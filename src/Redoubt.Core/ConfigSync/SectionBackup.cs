using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>What <c>backup_config_section</c> answers: sections that can be synchronised, and <c>hasync</c>; of <c>system</c> only accounts and their servers.</summary>
public static class SectionBackup
{
    private static readonly string[] _system = ["user", "group", "nextuid", "nextgid", "authserver"];

    /// <summary>The sections of those names that there are, in the order of the file.</summary>
    /// <param name="document">This node's configuration.</param>
    /// <param name="names">What was asked for; what is not there or may not be told is left out.</param>
    /// <param name="redact">Whether secrets are masked.</param>
    public static XmlRpcStruct Of(ConfigDocument document, IEnumerable<string> names, bool redact)
    {
        var wanted = names.Take(1_000).ToHashSet();
        var members = ImmutableArray.CreateBuilder<XmlRpcMember>();
        var told = new HashSet<string>();
        foreach (var section in document.Root.Children)
        {
            if (!wanted.Contains(section.Name) || !IsTold(section.Name) || !told.Add(section.Name))
                continue;
            members.Add(new(section.Name, Value(document, section, redact)));
        }
        return new XmlRpcStruct(members.DrainToImmutable());
    }

    /// <summary>Whether a section may be told at all.</summary>
    public static bool IsTold(string name) =>
        SyncSections.Copied.Contains(name) || SyncSections.Merged.Contains(name) || name == "installedpackages";

    /// <summary>The same element with its secrets masked.</summary>
    public static ConfigNode Redacted(ConfigNode node)
    {
        if (node.Children.IsEmpty)
            return node.Text.Length > 0 && ConfigTags.IsSecret(node.Name) ? ConfigNode.Leaf(node.Name, ConfigTags.Masked) : node;
        return node.WithChildren([.. node.Children.Select(Redacted)]);
    }

    private static XmlRpcValue Value(ConfigDocument document, ConfigNode section, bool redact)
    {
        if (ConfigTags.IsList(section.Name))
            return ConfigValues.OfList(document.Root.All(section.Name).Select(i => redact ? Redacted(i) : i));
        if (section.Name == "system")
            section = section.WithChildren([.. section.Children.Where(c => _system.Contains(c.Name))]);
        return ConfigValues.Of(redact ? Redacted(section) : section);
    }
}
