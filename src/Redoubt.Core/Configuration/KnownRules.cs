using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>
/// What the rules of a file were read as, for the next file that has the same elements. A rule depends on itself and on the sections that it may name something of; where
/// those are the same objects, and there was nothing to say about it, it is read as the same again.
/// </summary>
internal sealed class KnownRules
{
    private static readonly string[] _named = ["interfaces", "ifgroups", "gateways", "schedules", "aliases"];
    private readonly ConfigNode?[] _sections;
    private readonly Dictionary<ConfigNode, FilterRule> _rules = [];

    public KnownRules(ConfigDocument document) => _sections = Array.ConvertAll(_named, document.Section);

    /// <summary>Aliases of addresses and ports that the file lists in full, with the number of values that they took.</summary>
    public Dictionary<string, (AliasContent Content, int Values)> Aliases { get; } = [];

    /// <summary>Whether rules of that file mean what they meant in the one that this is of.</summary>
    public bool Fits(ConfigDocument document)
    {
        for (var i = 0; i < _named.Length; i++)
        {
            if (!ReferenceEquals(_sections[i], document.Section(_named[i])))
                return false;
        }
        return true;
    }

    /// <summary>The rule that an element was read as; null where that is not known.</summary>
    public FilterRule? Of(ConfigNode element) => _rules.GetValueOrDefault(element);

    /// <summary>Notes a rule that was read without a problem.</summary>
    public void Add(ConfigNode element, FilterRule rule)
    {
        // How many tags there are depends on all rules together.
        if (rule.Tag.Length == 0 && rule.Tagged.Length == 0)
            _rules[element] = rule;
    }
}
