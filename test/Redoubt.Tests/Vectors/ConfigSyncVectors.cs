using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.Vectors;

/// <summary>Documents and pushes between them, by the names of files alone: see the README of the folder xmlrpc.</summary>
internal static class ConfigSyncVectors
{
    private const string RoundTrip = "document is written as it was read";
    private const string Push = "primary sends this push";
    private const string Taken = "secondary makes this of the push";
    private const string Logged = "history says this of the push";
    private const string Call = "call is taken, and the second time changes nothing";

    public static IEnumerable<(string Name, string File)> Cases(string root)
    {
        foreach (var file in Files(root, "*.config.xml"))
            yield return (RoundTrip, file);
        foreach (var file in Files(root, "restore_config_section.full.xml"))
        {
            var folder = Around(Path.Combine(root, file));
            if (File.Exists(Path.Combine(folder, "primary.config.xml")))
                yield return (Push, file);
            if (!File.Exists(Path.Combine(folder, "secondary.config.xml")))
                continue;
            if (File.Exists(Path.Combine(folder, "expected", "secondary.after-sync.config.xml")))
                yield return (Taken, file);
            if (File.Exists(Path.Combine(folder, "expected", "merge-log.txt")))
                yield return (Logged, file);
        }
        foreach (
            var pattern in (string[])["restore_config_section*.xml", "merge_config_section*.xml", "merge_installedpackages_section*.xml"]
        )
        {
            foreach (var file in Files(root, pattern))
            {
                if (File.Exists(Path.Combine(Around(Path.Combine(root, file)), "secondary.config.xml")))
                    yield return (Call, file);
            }
        }
    }

    public static void Run(string name, string file)
    {
        var folder = Around(file);
        switch (name)
        {
            case RoundTrip:
                Assert.True(ConfigDocument.TryRead(File.ReadAllBytes(file), out var document, out var refusal), refusal?.ToString());
                Assert.Equal(File.ReadAllBytes(file), document!.ToBytes());
                break;
            case Push:
                var body = PushBody.Build(Document(Path.Combine(folder, "primary.config.xml")));
                Assert.Equal(
                    ReadCall(file).Parameters[0],
                    SyncDifferences.WithoutExtraSections(body.Value, (XmlRpcStruct)ReadCall(file).Parameters[0])
                );
                break;
            case Taken:
                var secondary = Document(Path.Combine(folder, "secondary.config.xml"));
                var expected = Document(Path.Combine(folder, "expected", "secondary.after-sync.config.xml"));
                SyncDifferences.AssertOnlyDocumented(secondary, expected, Take(secondary, ReadCall(file)).Candidate!);
                break;
            case Logged:
                var outcome = Take(Document(Path.Combine(folder, "secondary.config.xml")), ReadCall(file));
                var line = File.ReadAllText(Path.Combine(folder, "expected", "merge-log.txt")).Trim();
                Assert.Equal(Words(line), Words(outcome.History));
                break;
            case Call:
                Twice(Document(Path.Combine(folder, "secondary.config.xml")), ReadCall(file));
                break;
            default:
                throw new InvalidDataException(name);
        }
    }

    private static void Twice(ConfigDocument secondary, XmlRpcCall call)
    {
        var first = Take(secondary, call);
        Assert.True(first.Candidate is not null, first.Refusal);
        var written = first.Candidate.ToBytes();
        Assert.True(ConfigDocument.TryRead(written, out var read, out var refusal), refusal?.ToString());
        Assert.True(read!.Root.HasContentOf(first.Candidate.Root));

        var second = Take(read, call);

        Assert.False(second.IsChanged);
        Assert.Equal(written, second.Candidate!.ToBytes());
    }

    public static MergeOutcome Take(ConfigDocument local, XmlRpcCall call)
    {
        var content = (XmlRpcStruct)call.Parameters[0];
        return call.Method.Split('.')[^1] switch
        {
            "restore_config_section" => SectionMerge.Restore(local, content),
            "merge_config_section" => SectionMerge.MergeConfig(local, content),
            "merge_installedpackages_section" => SectionMerge.MergeInstalledPackages(local, content),
            _ => throw new InvalidDataException(call.Method),
        };
    }

    public static ConfigDocument Document(string file)
    {
        Assert.True(ConfigDocument.TryRead(File.ReadAllBytes(file), out var document, out var refusal), refusal?.ToString());
        return document!;
    }

    public static XmlRpcCall ReadCall(string file)
    {
        Assert.True(
            XmlRpcReader.TryReadCall(File.ReadAllBytes(file), XmlRpcLimits.Default, out var call, out var refusal),
            refusal.ToString()
        );
        return call!;
    }

    private static string Around(string request) => Path.GetDirectoryName(Path.GetDirectoryName(request))!;

    private static IEnumerable<string> Files(string root, string pattern) =>
        Directory.EnumerateFiles(root, pattern, SearchOption.AllDirectories).Select(f => Path.GetRelativePath(root, f)).Order();

    private static string[] Words(string line) =>
        [.. line.Split((char[])[' ', '(', ')', ','], StringSplitOptions.RemoveEmptyEntries).Order()];
}
