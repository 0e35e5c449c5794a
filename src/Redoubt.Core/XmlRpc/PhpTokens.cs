namespace Redoubt.Core.XmlRpc;

/// <summary>Kinds of token of the little PHP that is looked at.</summary>
internal enum PhpTokenKind : byte
{
    End,
    Variable,
    Name,
    Text,
    Number,
    Symbol,
}

/// <summary>One token.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Text">Without $ or quotes.</param>
internal readonly record struct PhpToken(PhpTokenKind Kind, string Text);

/// <summary>Cuts a snippet into tokens; white space and comments are gone, both kinds of quotes are one. What PHP would interpolate or escape is not taken.</summary>
internal static class PhpTokens
{
    private const int MostCharacters = 8192;
    private const int MostTokens = 1024;

    /// <summary>The tokens with an end at the end, or null where the snippet holds something that none of ours does.</summary>
    public static List<PhpToken>? Read(string snippet)
    {
        if (snippet.Length > MostCharacters)
            return null;
        var tokens = new List<PhpToken>();
        var at = 0;
        while (true)
        {
            if (!TrySkip(snippet, ref at))
                return null;
            if (at == snippet.Length)
            {
                tokens.Add(new PhpToken(PhpTokenKind.End, ""));
                return tokens;
            }
            if (tokens.Count == MostTokens || Next(snippet, ref at) is not { } token)
                return null;
            tokens.Add(token);
        }
    }

    private static PhpToken? Next(string snippet, ref int at)
    {
        var c = snippet[at];
        switch (c)
        {
            case '$':
                at++;
                var variable = Word(snippet, ref at);
                return variable.Length > 0 && !char.IsAsciiDigit(variable[0]) ? new PhpToken(PhpTokenKind.Variable, variable) : null;
            case '\'' or '"':
                return Quoted(snippet, ref at);
            case '=' when snippet.AsSpan(at).StartsWith("=>"):
                at += 2;
                return new PhpToken(PhpTokenKind.Symbol, "=>");
            case '=' or '[' or ']' or '(' or ')' or '{' or '}' or ',' or ';' or '!':
                at++;
                return new PhpToken(PhpTokenKind.Symbol, c.ToString());
        }
        var word = Word(snippet, ref at);
        return word.Length == 0 ? null : new PhpToken(char.IsAsciiDigit(word[0]) ? PhpTokenKind.Number : PhpTokenKind.Name, word);
    }

    private static PhpToken? Quoted(string snippet, ref int at)
    {
        var end = snippet.IndexOf(snippet[at], at + 1);
        if (end < 0)
            return null;
        var text = snippet[(at + 1)..end];
        at = end + 1;
        return text.AsSpan().ContainsAny('\\', '$') ? null : new PhpToken(PhpTokenKind.Text, text);
    }

    private static string Word(string snippet, ref int at)
    {
        var start = at;
        while (at < snippet.Length && (char.IsAsciiLetterOrDigit(snippet[at]) || snippet[at] == '_'))
            at++;
        return snippet[start..at];
    }

    // False where a comment does not end. "?>" ends a one-line comment in PHP, and the code with it.
    private static bool TrySkip(string snippet, ref int at)
    {
        while (at < snippet.Length)
        {
            var rest = snippet.AsSpan(at);
            if (char.IsWhiteSpace(rest[0]))
            {
                at++;
            }
            else if (rest[0] == '#' || rest.StartsWith("//"))
            {
                var end = rest.IndexOfAny('\r', '\n');
                var line = end < 0 ? rest : rest[..end];
                if (line.IndexOf("?>") >= 0)
                    return false;
                at += line.Length;
            }
            else if (rest.StartsWith("/*"))
            {
                var end = rest[2..].IndexOf("*/");
                if (end < 0)
                    return false;
                at += end + 4;
            }
            else
            {
                return true;
            }
        }
        return true;
    }
}
