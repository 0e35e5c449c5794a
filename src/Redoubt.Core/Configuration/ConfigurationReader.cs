namespace Redoubt.Core.Configuration;

/// <summary>Reads and validates a configuration file.</summary>
public static class ConfigurationReader
{
    /// <summary>
    /// Reads a whole file. Never throws for what the file holds; all problems are collected.
    /// <paramref name="fileName"/> is only repeated in problems.
    /// </summary>
    public static ConfigurationResult Read(ReadOnlySpan<byte> utf8Xml, string fileName) =>
        new(null, [new ConfigurationProblem(true, fileName, 0, "", "not read yet", "")], []);
}
