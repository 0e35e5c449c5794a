using Redoubt.Core.Cluster;

namespace Redoubt.Tests.Cluster;

public class ClusterSecretTests
{
    private static readonly string _text = Convert.ToBase64String([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    [Fact]
    public void A_key_is_the_one_of_RFC_5869()
    {
        // Computed with Python: hmac/hashlib, extract with salt "salt", expand with the label.
        var secret = ClusterSecret.Parse($" {_text}\n")!;
        var key = new byte[32];

        secret.Derive("redoubt heartbeat 1", "salt"u8, key);

        Assert.Equal(ExpectedKey, Convert.ToHexStringLower(key));
    }

    [Fact]
    public void Labels_and_salts_give_different_keys()
    {
        var secret = ClusterSecret.Parse(_text)!;
        var keys = new byte[3][];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = new byte[32];

        secret.Derive("one", "a"u8, keys[0]);
        secret.Derive("two", "a"u8, keys[1]);
        secret.Derive("one", "b"u8, keys[2]);

        Assert.Equal(3, keys.Select(Convert.ToHexString).Distinct().Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64 at all, by no means ....")]
    [InlineData("AAAA")]
    [InlineData("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g")] // 33 bytes
    public void Anything_but_32_bytes_is_refused(string text) => Assert.Null(ClusterSecret.Parse(text));

    [Fact]
    public void A_secret_does_not_print_itself()
    {
        var secret = ClusterSecret.Parse(_text)!;

        Assert.Equal("***", $"{secret}");
        Assert.Equal(8, secret.Fingerprint.Length);
        Assert.NotEqual(secret.Fingerprint, new ClusterSecret(new byte[32]).Fingerprint);
    }

    private const string ExpectedKey = "ae7cf946f854d2c459ebbfb9f8afb9eeb2078d6796d663f2e931632a50467535";
}
