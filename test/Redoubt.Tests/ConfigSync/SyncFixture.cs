using System.Collections.Immutable;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;
using Redoubt.Tests.Configuration;
using Redoubt.Tests.Configuration.Document;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Short ways to documents and pushes.</summary>
internal static class SyncFixture
{
    public static ConfigDocument Document(string inside) =>
        ConfigDocumentTests.Read($"<?xml version=\"1.0\"?>\n<pfsense>{inside}</pfsense>\n");

    public static ConfigDocument Vector(string name)
    {
        var file = Path.Combine(Path.GetDirectoryName(ConfigVectors.Folder)!, "xmlrpc", name);
        return ConfigDocumentTests.Read(File.ReadAllText(file));
    }

    /// <summary>A push as PHP would send these elements: lists as arrays, empty sections as empty arrays.</summary>
    public static XmlRpcStruct Push(string inside)
    {
        var members = ImmutableArray.CreateBuilder<XmlRpcMember>();
        foreach (var group in Document(inside).Root.Children.GroupBy(c => c.Name))
            members.Add(new(group.Key, ConfigTags.IsList(group.Key) ? ConfigValues.OfList(group) : ConfigValues.OfSection(group.First())));
        return new XmlRpcStruct(members.DrainToImmutable());
    }

    public static XmlRpcStruct Struct(params (string Name, XmlRpcValue Value)[] members) =>
        new([.. members.Select(m => new XmlRpcMember(m.Name, m.Value))]);

    public static MergeOutcome Restore(ConfigDocument local, XmlRpcStruct push, MergeOptions? options = null)
    {
        var outcome = SectionMerge.Restore(local, push, options);
        Assert.True(outcome.Candidate is not null, outcome.Refusal);
        Assert.True(ConfigDocument.TryRead(outcome.Candidate.ToBytes(), out var read, out var refusal), refusal?.ToString());
        Assert.True(read!.Root.HasContentOf(outcome.Candidate.Root));
        var again = SectionMerge.Restore(read, push, options);
        Assert.False(again.IsChanged);
        Assert.Equal(outcome.Candidate.ToString(), again.Candidate!.ToString());
        return outcome;
    }

    public static ConfigDocument After(string local, string push) => Restore(Document(local), Push(push)).Candidate!;

    public static string[] Texts(ConfigDocument document, string path, string tag)
    {
        var slash = path.LastIndexOf('/');
        var parent = slash < 0 ? document.Root : document.Root.Find(path[..slash]);
        return [.. parent?.All(path[(slash + 1)..]).Select(i => i.Value(tag)) ?? []];
    }

    public static string Rules(params string[] rules) =>
        $"<filter>{string.Concat(rules.Select(r => $"<rule><tracker>{r.TrimEnd('*')}</tracker>{(r.EndsWith('*') ? "<nosync></nosync>" : "")}</rule>"))}</filter>";
}
