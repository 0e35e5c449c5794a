namespace Redoubt.Web.Tests;

/// <summary>Files of the repository that tests read.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static byte[] Vector(string name) => File.ReadAllBytes(Path.Combine(Root, "test/vectors/xmlrpc", name));

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Redoubt.slnx")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException("the repository is not above the test program");
    }
}
