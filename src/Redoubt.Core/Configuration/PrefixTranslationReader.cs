using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads nat/onetoone and nat/npt.</summary>
internal sealed class PrefixTranslationReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    ImmutableArray<VirtualAddress> virtualAddresses,
    FirewallSettings settings,
    NatFields fields
)
{
    public PrefixTranslation? ReadOneToOne(ConfigElement entry)
    {
        var name = fields.Interface(entry);
        var source = fields.Endpoints.Read(entry, "source", null);
        var destination = fields.Endpoints.Read(entry, "destination", null);
        if (name is null || source is null || destination is null)
            return null;
        if (Inside(source) is not { } inside)
            return LeaveOut(entry.First("source")!, "the inside is not one network");
        var exception = entry.Flag("nobinat", problems);
        var outside = External(entry, name, exception);
        if (outside is not { } external)
            return null;
        if (!exception && external.IsIPv6 != inside.IsIPv6)
        {
            problems.Error(entry.First("external")!, "inside and outside are not of one family", "addresses of one family");
            return null;
        }
        if (!exception && !external.IsHost && external.Length != inside.Length)
        {
            problems.Error(entry.First("external")!, "inside and outside are not equally large", $"a prefix length of {inside.Length}");
            return null;
        }
        return new PrefixTranslation
        {
            Interface = name,
            Internal = inside,
            External = (external with { Length = inside.Length }).Network,
            Destination = destination,
            IsException = exception,
            Reflects = entry.Word("natreflection", problems, ("default", settings.ReflectOneToOne), ("enable", true), ("disable", false)),
            Description = entry.Value("descr", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
    }

    public PrefixTranslation? ReadPrefix(ConfigElement entry)
    {
        var name = fields.Interface(entry);
        var source = fields.Endpoints.Read(entry, "source", null);
        var destination = fields.Endpoints.Read(entry, "destination", null);
        if (name is null || source is null || destination is null)
            return null;
        if (Inside(source) is not { IsIPv6: true } inside)
            return LeaveOut(entry.First("source")!, "the inside is not one IPv6 network");
        if (Inside(destination) is not { IsIPv6: true } outside)
            return LeaveOut(entry.First("destination")!, "the outside is not one IPv6 network");
        if (inside.Length != outside.Length)
        {
            problems.Error(entry.First("destination")!, "inside and outside are not equally large", $"a prefix length of {inside.Length}");
            return null;
        }
        return new PrefixTranslation
        {
            Interface = name,
            Internal = inside,
            External = outside,
            Description = entry.Value("descr", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
    }

    private AddressPrefix? Inside(RuleEndpoint side) =>
        side switch
        {
            { Not: true } => null,
            { Kind: EndpointKind.Prefixes, Prefixes: [var only] } => only,
            { Kind: EndpointKind.InterfaceNetwork } => Find(side.Interface)?.IPv4?.Network,
            { Kind: EndpointKind.InterfaceAddress } => Find(side.Interface)?.IPv4?.Host,
            _ => null,
        };

    private InterfaceConfiguration? Find(string name) => interfaces.FirstOrDefault(i => i.Name == name);

    private AddressPrefix? External(ConfigElement entry, string name, bool exception)
    {
        var element = entry.Single("external", problems);
        var text = element?.Value(problems) ?? "";
        if (text.StartsWith("_vip", StringComparison.Ordinal) && virtualAddresses.FirstOrDefault(v => v.UniqId == text[4..]) is { } vip)
            return vip.Prefix.Host;
        if (AddressPrefix.TryParse(text, out var prefix))
            return prefix.Network;
        if (text.EndsWith("ip", StringComparison.Ordinal) && Find(text[..^2])?.IPv4 is { } own)
            return own.Host;
        if (exception && text is "" or "any")
            return new AddressPrefix(default, Find(name)?.IPv4 is null && Find(name)?.IPv6 is not null, 0);
        problems.Error(element ?? entry, $"{Quote(text)} is not an address", "an address, or the address of an interface");
        return null;
    }

    private PrefixTranslation? LeaveOut(ConfigElement at, string why)
    {
        problems.Warn(at, $"{why}, so the whole rule is kept, not applied");
        return null;
    }
}
