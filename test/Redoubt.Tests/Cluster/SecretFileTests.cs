using System.Runtime.Versioning;
using Redoubt.Daemon.Cluster;

namespace Redoubt.Tests.Cluster;

[SupportedOSPlatform("linux")]
public sealed class SecretFileTests : IDisposable
{
    private static readonly string _text = Convert.ToBase64String(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
    private readonly string _folder = Directory.CreateTempSubdirectory("redoubt-secret").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string text, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var path = Path.Combine(_folder, "cluster.key");
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, mode);
        return path;
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead)]
    public void A_secret_that_only_its_owner_may_read_is_loaded(UnixFileMode mode)
    {
        Assert.NotNull(SecretFile.TryLoad(Write(_text + "\n", mode), out var error));
        Assert.Empty(error);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead, "0640")]
    [InlineData(UnixFileMode.OtherRead, "0604")]
    [InlineData(UnixFileMode.GroupWrite, "0620")]
    public void A_secret_that_others_may_read_or_write_is_refused(UnixFileMode more, string shown)
    {
        var path = Write(_text, UnixFileMode.UserRead | UnixFileMode.UserWrite | more);
        Assert.Null(SecretFile.TryLoad(path, out var error));
        Assert.Equal($"{path}: has mode {shown}; expected 0600: nobody but its owner may read the cluster's secret", error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAA")]
    [InlineData("not base64 at all, not base64 at all, no!!!!")]
    public void Another_length_or_another_text_is_refused(string text)
    {
        Assert.Null(SecretFile.TryLoad(Write(text), out var error));
        Assert.EndsWith("expected base64 of exactly 32 bytes and nothing else", error, StringComparison.Ordinal);
        Assert.Null(SecretFile.TryLoad(Write(_text + new string(' ', 1024)), out _));
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_refused_with_a_message()
    {
        Assert.Null(SecretFile.TryLoad(Path.Combine(_folder, "none"), out var error));
        Assert.Contains("there is no such file", error, StringComparison.Ordinal);
        Assert.Null(SecretFile.TryLoad(_folder, out error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void The_file_is_looked_for_beside_the_configuration() =>
        Assert.Equal("/etc/redoubt/keys/cluster.key", SecretFile.PathOf("/etc/redoubt/config.xml", "keys/cluster.key"));
}
