using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>Puts a push together, in pfSense's order and with its rewrites.</summary>
internal sealed class PushBuilder(ConfigDocument document, SyncAreas areas, IReadOnlyDictionary<string, string> addresses)
{
    private readonly ImmutableArray<XmlRpcMember>.Builder _members = ImmutableArray.CreateBuilder<XmlRpcMember>();
    private readonly SyncProblems _problems = new();
    private int _localItems;

    public PushBody Build()
    {
        if (Has(SyncAreas.Rules))
            Add("filter", Listed(document.Section("filter"), "rule"));
        if (Has(SyncAreas.Nat))
            Add("nat", Nat());
        if (Has(SyncAreas.Aliases))
            Add("aliases", Listed(document.Section("aliases"), "alias"));
        if (Has(SyncAreas.Dhcp))
        {
            AddPresent("dhcpd", s => ConfigValues.OfSection(PushRewrites.Dhcp(s, document, addresses, _problems)));
            if (document.Section("dhcpd") is not null)
                AddPresent("kea", Kea);
        }
        if (Has(SyncAreas.Dhcp6))
        {
            AddPresent("dhcpdv6", ConfigValues.OfSection);
            if (document.Section("dhcpdv6") is not null)
                AddPresent("kea6", Kea);
        }
        if (Has(SyncAreas.DhcpRelay))
            AddPresent("dhcrelay", ConfigValues.OfSection);
        if (Has(SyncAreas.DhcpRelay6))
            AddPresent("dhcrelay6", ConfigValues.OfSection);
        AddWhole(SyncAreas.Wol, "wol");
        AddWhole(SyncAreas.Shaper, "shaper");
        AddWhole(SyncAreas.Limiter, "dnshaper");
        if (Has(SyncAreas.StaticRoutes))
        {
            Add("staticroutes", WithList(document.Section("staticroutes"), "route"));
            Add("gateways", ConfigValues.OfSection(document.Section("gateways")));
        }
        if (Has(SyncAreas.VirtualIps))
            Add("virtualip", Struct("vip", PushRewrites.VirtualIps(document, _problems, out var local), local));
        if (Has(SyncAreas.Ipsec))
            Add("ipsec", Listed(document.Section("ipsec"), "tunnel"));
        AddWhole(SyncAreas.OpenVpn, "openvpn");
        if (Has(SyncAreas.Certificates) || Has(SyncAreas.OpenVpn))
        {
            foreach (var list in (string[])["cert", "ca", "crl"])
                Add(list, ConfigValues.OfList(document.Root.All(list)));
        }
        AddSystem();
        if (Has(SyncAreas.Dns))
        {
            AddPresent("dnsmasq", s => s.IsEmpty ? XmlRpcArray.Empty : Listed(s, "hosts"));
            AddPresent("unbound", ConfigValues.OfSection);
        }
        if (Has(SyncAreas.Schedules) || Has(SyncAreas.Rules))
            AddPresentOrEmptyText("schedules");
        if (Has(SyncAreas.CaptivePortal))
        {
            Add("captiveportal", ConfigValues.OfSection(document.Section("captiveportal")));
            AddPresent("voucher", ConfigValues.OfSection);
        }
        if (Has(SyncAreas.AdminSync) && document.Root.Find("hasync/adminsync") is { } adminSync && _members.Count > 0)
            Add("hasync", new XmlRpcStruct([new("adminsync", ConfigValues.Of(adminSync))]));
        var body = new XmlRpcStruct(_members.ToImmutable());
        return new PushBody(body, areas, [.. body.Members.Select(m => m.Name)], _localItems, _problems.Notes);
    }

    private bool Has(SyncAreas area) => (areas & area) != 0;

    private void Add(string name, XmlRpcValue value) => _members.Add(new(name, value));

    private void AddWhole(SyncAreas area, string name)
    {
        if (Has(area))
            Add(name, ConfigValues.OfSection(document.Section(name)));
    }

    // pfSense does not send these where they hold nothing. An empty one here says that the last item was deleted.
    private void AddPresent(string name, Func<ConfigNode, XmlRpcValue> value)
    {
        if (document.Section(name) is { } section)
            Add(name, value(section));
    }

    private void AddPresentOrEmptyText(string name) =>
        Add(name, document.Section(name) is not { } section ? XmlRpcArray.Empty : ConfigValues.Of(section));

    private XmlRpcValue Kea(ConfigNode section) =>
        section.Children.IsEmpty ? XmlRpcArray.Empty : ConfigValues.OfSection(PushRewrites.Kea(section, document));

    private void AddSystem()
    {
        var members = ImmutableArray.CreateBuilder<XmlRpcMember>();
        var system = document.Section("system");
        if (Has(SyncAreas.Users))
        {
            foreach (var (list, next) in (ReadOnlySpan<(string, string)>)[("user", "nextuid"), ("group", "nextgid")])
            {
                members.Add(new(list, ConfigValues.OfList(system?.All(list) ?? [])));
                members.Add(new(next, new XmlRpcString(system?.Value(next) is { Length: > 0 } number ? number : "2000")));
            }
        }
        if (Has(SyncAreas.AuthServers))
            members.Add(new("authserver", ConfigValues.OfList(system?.All("authserver") ?? [])));
        if (members.Count > 0)
            Add("system", new XmlRpcStruct(members.DrainToImmutable()));
    }

    private XmlRpcValue Nat()
    {
        var nat = document.Section("nat");
        var value = Listed(nat, "rule");
        if (value is not XmlRpcStruct || nat!.First("outbound") is not { Children.IsEmpty: false } outbound)
            return value;
        return Replaced((XmlRpcStruct)value, "outbound", Listed(outbound, "rule"));
    }

    // A section whose list sends only what is not marked: the marked ones leave holes.
    private XmlRpcValue Listed(ConfigNode? section, string list)
    {
        var value = ConfigValues.OfSection(section);
        if (value is not XmlRpcStruct whole)
            return value;
        var marked = section!.All(list).Count(i => i.Has("nosync"));
        if (marked == 0)
            return value;
        _localItems += marked;
        return Replaced(whole, list, ConfigValues.OfList(section.All(list), i => !i.Has("nosync")));
    }

    private static XmlRpcStruct Replaced(XmlRpcStruct whole, string name, XmlRpcValue value) =>
        new([.. whole.Members.Select(m => m.Name == name ? new XmlRpcMember(name, value) : m)]);

    // The list always travels, so that deleting its last item does.
    private static XmlRpcStruct WithList(ConfigNode? section, string list)
    {
        var whole = ConfigValues.OfSection(section) as XmlRpcStruct ?? new XmlRpcStruct([]);
        return whole[list] is not null ? whole : new XmlRpcStruct(whole.Members.Add(new(list, XmlRpcArray.Empty)));
    }

    private XmlRpcStruct Struct(string list, XmlRpcValue items, int local)
    {
        _localItems += local;
        return new XmlRpcStruct([new(list, items)]);
    }
}
