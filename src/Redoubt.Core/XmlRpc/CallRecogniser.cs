namespace Redoubt.Core.XmlRpc;

/// <summary>
/// Says what a snippet of <c>exec_php</c> or a command of <c>exec_shell</c> asks for, by its form. Nothing is ever evaluated: a variable stands for one of the
/// queries of <see cref="RecognisedCall"/> or for a text, and a snippet with anything else in it, wherever, is not recognised.
/// </summary>
public static class CallRecogniser
{
    /// <summary>The meaning of a snippet of PHP, or null.</summary>
    public static RecognisedSnippet? Php(string snippet) =>
        PhpTokens.Read(snippet) is { } tokens ? new PhpSnippetReader(tokens).Read() : null;

    /// <summary>The meaning of a command, or null. The whole text must be one of the list: there are no arguments.</summary>
    public static RecognisedQuery? Shell(string command) =>
        command.Trim() switch
        {
            "/etc/rc.filter_configure" or "/etc/rc.filter_configure_sync" => new RecognisedQuery(RecognisedCall.ReloadFilter),
            "/etc/rc.interfaces_carp_configure" => new RecognisedQuery(RecognisedCall.ReloadAddresses),
            "/etc/rc.reboot" => new RecognisedQuery(RecognisedCall.Reboot),
            _ => null,
        };
}
