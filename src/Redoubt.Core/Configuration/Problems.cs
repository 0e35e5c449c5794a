using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>Collects what is wrong while a file is read.</summary>
internal sealed class Problems(string file)
{
    private readonly List<ConfigurationProblem> _shown = [];
    private int _errors;
    private int _warnings;

    public bool HasErrors => _errors > 0;

    public int ErrorCount => _errors;

    public int Count => _errors + _warnings;

    public void Error(ConfigElement at, string message, string expected = "") => Add(true, at, message, expected);

    public void Warn(ConfigElement at, string message, string expected = "") => Add(false, at, message, expected);

    public void Refuse(int line, string message) => _shown.Add(new ConfigurationProblem(++_errors > 0, file, line, "", message, ""));

    // The path is worked out only for what is shown: it walks over the siblings.
    private void Add(bool isError, ConfigElement at, string message, string expected)
    {
        var count = isError ? ++_errors : ++_warnings;
        if (count <= ConfigurationLimits.Problems)
            _shown.Add(new ConfigurationProblem(isError, file, at.Line, at.Path, message, expected));
    }

    public ImmutableArray<ConfigurationProblem> ToArray()
    {
        var all = _shown.OrderBy(p => p.Line).ToList();
        foreach (var (isError, count) in new[] { (true, _errors), (false, _warnings) })
        {
            if (count > ConfigurationLimits.Problems)
                all.Add(
                    new(isError, file, 0, "", FormattableString.Invariant($"{count - ConfigurationLimits.Problems} more of this kind"), "")
                );
        }
        return [.. all];
    }
}
