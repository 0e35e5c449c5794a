using Redoubt.Core.Configuration;

namespace Redoubt.Tests.Configuration;

/// <summary>The sample files of test/vectors/config.</summary>
internal static class ConfigVectors
{
    public static string Folder { get; } = Find();

    public static string Text(string name) => File.ReadAllText(Path.Combine(Folder, name));

    public static ConfigurationResult Read(string xml) => ConfigurationReader.Read(System.Text.Encoding.UTF8.GetBytes(xml), "config.xml");

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "test", "vectors", "config");
            if (Directory.Exists(candidate))
                return candidate;
        }
        throw new DirectoryNotFoundException("test/vectors/config");
    }
}
