using System.Text.Json;

namespace Redoubt.Tests.Vectors;

/// <summary>Runs every *.json and every message of a wire folder under test/vectors, or under REDOUBT_VECTORS where that is set.</summary>
public sealed class VectorTests(VectorTests.Tally tally) : IClassFixture<VectorTests.Tally>
{
    /// <summary>Counts, and prints the sum at the end of the run.</summary>
    public sealed class Tally : IDisposable
    {
        public int Vectors { get; set; }

        public int Files { get; set; }

        public void Dispose() => Console.WriteLine($"{Vectors} vectors executed from {Files} files");
    }

    internal static string Root { get; } = Environment.GetEnvironmentVariable("REDOUBT_VECTORS") is { Length: > 0 } set ? set : FindRoot();

    public static TheoryData<string> Files() =>
        [.. Directory.EnumerateFiles(Root, "*.json", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f)).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void EveryVectorHolds(string file)
    {
        var (executed, failures) = Execute(File.ReadAllBytes(Path.Combine(Root, file)));
        tally.Files++;
        tally.Vectors += executed;
        Assert.True(failures.Count == 0, $"{file}: {failures.Count} of {executed} vectors failed\n{string.Join('\n', failures)}");
        Assert.True(executed > 0, $"{file}: no vectors");
    }

    public static TheoryData<string> Messages() =>
        [
            .. WireFolder
                .All.Where(f => Directory.Exists(Path.Combine(Root, f.Folder)))
                .SelectMany(f => Directory.EnumerateFiles(Path.Combine(Root, f.Folder), f.Pattern))
                .Select(f => Path.GetRelativePath(Root, f))
                .Order(),
        ];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Messages))]
    public void EveryMessageHolds(string file)
    {
        var folder = WireFolder.All.Single(f => f.Folder == Path.GetDirectoryName(file));
        folder.Run(File.ReadAllBytes(Path.Combine(Root, file)));
        tally.Files++;
        tally.Vectors++;
    }

    [Fact]
    public void AMessageThatIsNoneFails()
    {
        Assert.NotEmpty(WireFolder.All);
        foreach (var folder in WireFolder.All)
            Assert.ThrowsAny<Exception>(() => folder.Run("<no/>"u8.ToArray()));
    }

    public static TheoryData<string, string> SyncCases() => [.. ConfigSyncVectors.Cases(Root).Select(c => (c.Name, c.File))];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(SyncCases))]
    public void EveryDocumentAndPushHolds(string name, string file)
    {
        ConfigSyncVectors.Run(name, Path.Combine(Root, file));
        tally.Files++;
        tally.Vectors++;
    }

    [Fact]
    public void ThereAreFiles() => Assert.NotEmpty(Files());

    [Fact]
    public void AFileOfUnknownSchemaFails()
    {
        var error = Assert.Throws<InvalidDataException>(() => Execute("""{"schema":"no-such-1","vectors":[{}]}"""u8.ToArray()));
        Assert.Contains("no-such-1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AVectorThatDoesNotHoldFails()
    {
        var wrong =
            """{"schema":"carp-timer-1","vectors":[{"id":"x","flavour":"freebsd","advbase":1,"advskew":0,"demotion":0,"deadratio":3,"expect":{"advskew_on_wire":0,"advbase_on_wire":1,"advert_interval_us":1000001,"first_advert_interval_us":1000000,"master_down_us":3000000}}]}""";
        Assert.Single(Execute(System.Text.Encoding.UTF8.GetBytes(wrong)).Failures);
    }

    private static (int Executed, List<string> Failures) Execute(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        var name = document.RootElement.TryGetProperty("schema", out var schema) ? schema.GetString() ?? "" : "";
        if (!VectorSchema.All.TryGetValue(name, out var runner))
            throw new InvalidDataException($"unknown schema \"{name}\"");
        var failures = new List<string>();
        var executed = 0;
        foreach (var vector in runner.Elements(document.RootElement))
        {
            executed++;
            try
            {
                runner.Run(vector);
            }
            catch (Exception failure)
            {
                var id = vector.TryGetProperty("id", out var value) ? value.GetString() : $"#{executed}";
                failures.Add($"{id}: {failure.Message}");
            }
        }
        return (executed, failures);
    }

    internal static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Redoubt.slnx")))
                return Path.Combine(folder.FullName, "test", "vectors");
        }
        throw new DirectoryNotFoundException("test/vectors: not found above the test program; set REDOUBT_VECTORS");
    }
}
