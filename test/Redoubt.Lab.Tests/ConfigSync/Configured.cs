using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>A node's configuration as an operator handles it: shown, edited, applied.</summary>
internal static class Configured
{
    public static ConfigDocument Show(RedoubtNode node)
    {
        var answer = node.AskWithDocument(new ControlRequest { Verb = ControlVerb.ConfigShow }, null);
        Assert.True(answer.Reply.Ok, answer.Reply.Message);
        Assert.True(ConfigDocument.TryRead(answer.Document, out var document, out var refusal), refusal?.Message);
        return document!;
    }

    /// <summary>Applies what <paramref name="edit"/> makes of the configuration in force.</summary>
    public static ControlReply Edit(RedoubtNode node, Func<ConfigNode, ConfigNode> edit, int confirm = 0)
    {
        var document = Show(node);
        return Apply(node, document.With(edit(document.Root)).ToBytes(), confirm);
    }

    public static void MustEdit(RedoubtNode node, Func<ConfigNode, ConfigNode> edit)
    {
        var reply = Edit(node, edit);
        Assert.True(reply.Ok, $"{reply.Message}; {string.Join("; ", reply.Problems ?? [])}");
    }

    public static ControlReply Apply(RedoubtNode node, byte[] document, int confirm = 0) =>
        node.AskWithDocument(
            new ControlRequest
            {
                Verb = ControlVerb.ConfigApply,
                Apply = new ConfigApplyRequest
                {
                    User = "operator",
                    Reason = "lab",
                    ConfirmSeconds = confirm,
                },
            },
            document
        ).Reply;

    /// <summary>The document with these elements at the end of a section.</summary>
    public static ConfigNode Add(ConfigNode root, string path, string xml) =>
        root.WithPath(
            path,
            old => (old ?? ConfigNode.Section(path.Split('/')[^1])) is var s ? s.WithChildren([.. s.Children, Parse(xml)]) : null
        );

    /// <summary>The document with these elements at the front of a section.</summary>
    public static ConfigNode AddFirst(ConfigNode root, string path, string xml) =>
        root.WithPath(
            path,
            old => (old ?? ConfigNode.Section(path.Split('/')[^1])) is var s ? s.WithChildren([Parse(xml), .. s.Children]) : null
        );

    /// <summary>An element from its text.</summary>
    public static ConfigNode Parse(string xml)
    {
        Assert.True(ConfigDocument.TryRead(System.Text.Encoding.UTF8.GetBytes(xml), out var document, out var refusal), refusal?.Message);
        return Made(document!.Root);
    }

    /// <summary>A rule on the LAN.</summary>
    public static string Rule(string type, string destination, string descr, string extra = "") =>
        $"<rule><type>{type}</type><interface>lan</interface><ipprotocol>inet</ipprotocol>{extra}<source><any/></source><destination>{destination}</destination><descr>{descr}</descr></rule>";

    // Without its place in another file: it is written afresh.
    private static ConfigNode Made(ConfigNode node) =>
        node.Children.IsEmpty ? ConfigNode.Leaf(node.Name, node.Text) : ConfigNode.Section(node.Name, [.. node.Children.Select(Made)]);
}
