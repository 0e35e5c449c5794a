using System.Text;

namespace Redoubt.Web;

/// <summary>User and password of a request; never printed.</summary>
public sealed class BasicCredentials
{
    private const int MostCharacters = 1024;
    private static readonly UTF8Encoding _strict = new(false, throwOnInvalidBytes: true);

    private BasicCredentials(string user, string password) => (User, Password) = (user, password);

    /// <summary>The account.</summary>
    public string User { get; }

    /// <summary>The password.</summary>
    public string Password { get; }

    /// <summary>Reads the header <c>Authorization</c>; null where it holds no such credentials.</summary>
    public static BasicCredentials? Read(string? header)
    {
        const string Scheme = "Basic ";
        if (header is null || header.Length > MostCharacters || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return null;
        var bytes = new byte[MostCharacters];
        if (!Convert.TryFromBase64String(header[Scheme.Length..].Trim(), bytes, out var length))
            return null;
        string text;
        try
        {
            text = _strict.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            text = Encoding.Latin1.GetString(bytes, 0, length);
        }
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 ? new BasicCredentials(text[..colon], text[(colon + 1)..]) : null;
    }

    /// <inheritdoc/>
    public override string ToString() => "***";
}
