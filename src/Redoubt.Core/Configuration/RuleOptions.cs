using System.Collections.Immutable;
using System.Globalization;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads the advanced options of one filter rule. False means that the rule can not be applied; the problem has been reported.</summary>
internal sealed class RuleOptions(Problems problems, ConfigElement entry)
{
    private static readonly string[] FlagNames = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

    private static readonly Dictionary<string, int> CodePoints = new(StringComparer.OrdinalIgnoreCase)
    {
        ["af11"] = 10,
        ["af12"] = 12,
        ["af13"] = 14,
        ["af21"] = 18,
        ["af22"] = 20,
        ["af23"] = 22,
        ["af31"] = 26,
        ["af32"] = 28,
        ["af33"] = 30,
        ["af41"] = 34,
        ["af42"] = 36,
        ["af43"] = 38,
        ["va"] = 44,
        ["ef"] = 46,
        ["cs1"] = 8,
        ["cs2"] = 16,
        ["cs3"] = 24,
        ["cs4"] = 32,
        ["cs5"] = 40,
        ["cs6"] = 48,
        ["cs7"] = 56,
    };

    public RuleStateType StateType()
    {
        var element = entry.Single("statetype", problems);
        var type = (element?.Value(problems) ?? "").ToLowerInvariant() switch
        {
            "" or "keep state" or "modulate state" => RuleStateType.Keep,
            "sloppy state" => RuleStateType.Sloppy,
            "synproxy state" => RuleStateType.SynProxy,
            "none" => RuleStateType.None,
            _ => (RuleStateType?)null,
        };
        if (type is null)
            problems.Error(element!, $"{Quote(element!.Text)} is not known", "keep state, sloppy state, synproxy state, none");
        else if (type is RuleStateType.Sloppy)
            problems.Warn(element!, "works as keep state: what does not fit a connection's window is dropped");
        else if (type is RuleStateType.SynProxy)
            problems.Warn(element!, "works as keep state: the server answers the handshake itself");
        return type ?? RuleStateType.Keep;
    }

    public bool TryTcpFlags(ImmutableArray<byte> protocols, out TcpFlagMatch? match)
    {
        match = null;
        var set = entry.Single("tcpflags1", problems);
        var mask = entry.Single("tcpflags2", problems);
        if (entry.Flag("tcpflags_any", problems) || set is not { Text.Length: > 0 } && mask is not { Text.Length: > 0 })
            return true;
        if (!TryFlags(set, out var wanted) || !TryFlags(mask, out var looked))
            return false;
        if (protocols is not [6])
        {
            problems.Error(set ?? mask!, "TCP flags need protocol tcp", "protocol tcp");
            return false;
        }
        if (looked == 0 || (wanted & ~looked) != 0)
        {
            problems.Error(mask ?? set!, "flags that must be set are not among those that are looked at", "all of tcpflags1 in tcpflags2");
            return false;
        }
        match = new TcpFlagMatch(wanted, looked);
        return true;
    }

    public bool TryDscp(out int? codePoint)
    {
        codePoint = null;
        var element = entry.Single("dscp", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0)
            return true;
        if (CodePoints.TryGetValue(text, out var named))
            codePoint = named;
        else if (
            text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            && number is >= 0 and <= 63
        )
            codePoint = number;
        if (codePoint is null)
            problems.Warn(element!, $"{Quote(text)} is no code point, so the whole rule is kept, not applied", "af11, cs1, ef, 0x04, ...");
        return codePoint is not null;
    }

    public bool TryTags(out string tag, out string tagged, out bool not)
    {
        tag = entry.Value("tag", problems);
        tagged = entry.Value("tagged", problems);
        var other = entry.Single("nottagged", problems);
        not = false;
        if (other is { Text.Length: > 0 })
        {
            // pfSense writes a flag beside <tagged>; the name may also stand in it.
            not = !IsOff(other.Value(problems));
            if (tagged.Length == 0)
                tagged = other.Value(problems);
        }
        else if (other is not null)
            not = tagged.Length > 0;
        if (IsTag(tag) && IsTag(tagged))
            return true;
        problems.Error(entry, "a tag is too long or not printable", "up to 63 characters");
        return false;
    }

    private static bool IsTag(string name) => name.Length == 0 || (name.Length <= 63 && !name.Any(char.IsControl));

    public bool TryLimits(out RuleLimits limits)
    {
        var errors = problems.ErrorCount;
        var (states, connections) = (Limit("max-src-states"), Limit("max-src-conn"));
        var perSource =
            states == 0 ? connections
            : connections == 0 ? states
            : Math.Min(states, connections);
        limits = new RuleLimits
        {
            States = Limit("max"),
            SourceNodes = Limit("max-src-nodes"),
            StatesPerSource = perSource,
            RateConnections = Limit("max-src-conn-rate"),
            RateSeconds = Limit("max-src-conn-rates"),
        };
        if (limits.RateConnections > 0 != limits.RateSeconds > 0)
        {
            problems.Error(
                entry.First("max-src-conn-rate") ?? entry,
                "a rate needs connections and seconds",
                "max-src-conn-rate with max-src-conn-rates"
            );
            return false;
        }
        return errors == problems.ErrorCount;
    }

    private int Limit(string tag) => entry.Number(tag, 1, tag == "max-src-conn-rates" ? 86_400 : 1_000_000, 0, problems);

    private bool TryFlags(ConfigElement? element, out byte flags)
    {
        flags = 0;
        var words = (element?.Value(problems) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var word in words)
        {
            var bit = Array.IndexOf(FlagNames, word.ToLowerInvariant());
            if (bit < 0)
            {
                problems.Error(element!, $"{Quote(word)} is no TCP flag", string.Join(", ", FlagNames));
                return false;
            }
            flags |= (byte)(1 << bit);
        }
        return true;
    }
}
