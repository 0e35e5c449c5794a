using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Requests;

/// <summary>What recognised snippets return, asked from the daemon or the kernel. Configuration comes without its secrets.</summary>
internal sealed class SnippetAnswers(NodeDaemon daemon)
{
    private const int MostArpLines = 4096;

    // What a snippet gets that wants the whole configuration: all sections that a backup may have.
    private static readonly ImmutableArray<string> _sections =
    [
        .. (
            "version lastchange revision system interfaces vlans gateways staticroutes virtualip hasync aliases schedules filter nat ca cert crl dhcpd dhcpdv6 "
            + "dhcpbackend dhcrelay dhcrelay6 kea kea6 dnsmasq unbound ipsec openvpn captiveportal voucher shaper dnshaper wol syslog cron snmpd installedpackages"
        ).Split(' '),
    ];

    /// <summary>The answer as the snippet wants it.</summary>
    public async Task<XmlRpcResponse> AnswerAsync(RecognisedSnippet snippet, CancellationToken cancel)
    {
        if (snippet.Answers.IsEmpty)
            return new XmlRpcResponse(XmlRpcBoolean.True);
        var members = ImmutableArray.CreateBuilder<XmlRpcMember>();
        foreach (var (name, query) in snippet.Answers)
        {
            var value = await AnswerAsync(query, cancel).ConfigureAwait(false);
            if (value is null)
                return new XmlRpcResponse(XmlRpcFault.Refused("exec_php: this node does not monitor gateways"));
            members.Add(new XmlRpcMember(name, value));
        }
        var answer = members is [{ Name: "" }] ? members[0].Value : new XmlRpcStruct(members.DrainToImmutable());
        return new XmlRpcResponse(snippet.AsJson ? new XmlRpcStruct([new("real", new XmlRpcString(Json(answer)))]) : answer);
    }

    // Null where this node has nothing that could tell.
    private async Task<XmlRpcValue?> AnswerAsync(RecognisedQuery query, CancellationToken cancel)
    {
        switch (query.Call)
        {
            case RecognisedCall.True:
                return XmlRpcBoolean.True;
            case RecognisedCall.CarpStatus:
                return new XmlRpcBoolean((await daemon.StatusAsync(cancel).ConfigureAwait(false)).Carp.Enabled);
            case RecognisedCall.CarpInterfaceStatus:
                return await CarpStateAsync(query.Argument, cancel).ConfigureAwait(false);
            case RecognisedCall.Gateways:
                return ByName(await ConfigurationAsync("gateways/gateway_item", cancel).ConfigureAwait(false));
            case RecognisedCall.Configuration:
                return await ConfigurationAsync(query.Argument, cancel).ConfigureAwait(false);
            case RecognisedCall.Voucher:
                return await ConfigurationAsync("voucher/" + query.Argument, cancel).ConfigureAwait(false) is XmlRpcStruct zone
                    ? new XmlRpcStruct([.. zone.Members.Where(m => !m.Name.StartsWith("vouchersync", StringComparison.Ordinal))])
                    : XmlRpcString.Empty;
            case RecognisedCall.UniqueId:
                return new XmlRpcString(UniqueId());
            case RecognisedCall.Serial:
                return XmlRpcString.Empty; // readable by root alone
            case RecognisedCall.Platform:
                return new XmlRpcStruct([new("name", new XmlRpcString("Redoubt")), new("descr", new XmlRpcString("Redoubt"))]);
            case RecognisedCall.InterfaceDescriptions:
                return Descriptions(await ConfigurationAsync("interfaces", cancel).ConfigureAwait(false));
            case RecognisedCall.Services:
                return await ServicesAsync(cancel).ConfigureAwait(false);
            case RecognisedCall.ServiceRunning or RecognisedCall.ServiceEnabled:
                var services = await ServicesAsync(cancel).ConfigureAwait(false);
                return new XmlRpcBoolean(
                    services.Values.Cast<XmlRpcStruct>().Any(s => s["name"] is XmlRpcString name && name.Value == query.Argument)
                );
            case RecognisedCall.DhcpLeases:
                // No DHCP server is this node's, so it has given no lease.
                return new XmlRpcStruct([new("lease", XmlRpcArray.Empty), new("failover", XmlRpcArray.Empty)]);
            case RecognisedCall.ArpTable:
                return ArpTable();
            default:
                return null;
        }
    }

    private async Task<XmlRpcValue> CarpStateAsync(string id, CancellationToken cancel)
    {
        const string Prefix = "_vip";
        if (!id.StartsWith(Prefix, StringComparison.Ordinal))
            return XmlRpcString.Empty;
        var vips = await ConfigurationAsync("virtualip/vip", cancel).ConfigureAwait(false);
        if (!XmlRpcShapes.TryReadList(vips, out var items))
            return XmlRpcString.Empty;
        var vip = items.OfType<XmlRpcStruct>().FirstOrDefault(v => Text(v["uniqid"]) == id[Prefix.Length..]);
        if (vip is null)
            return XmlRpcString.Empty;
        var status = await daemon.StatusAsync(cancel).ConfigureAwait(false);
        var state = status
            .Carp.Vips.FirstOrDefault(v =>
                v.Interface == Text(vip["interface"])
                && v.Vhid.ToString(System.Globalization.CultureInfo.InvariantCulture) == Text(vip["vhid"])
            )
            ?.State;
        return new XmlRpcString(
            state switch
            {
                VipState.Master => "MASTER",
                VipState.Backup => "BACKUP",
                VipState.Init => "INIT",
                _ => "",
            }
        );
    }

    // An empty path is everything; what is not there is empty, as in PHP.
    private async Task<XmlRpcValue> ConfigurationAsync(string path, CancellationToken cancel)
    {
        var names = path.Length == 0 ? [] : path.Split('/');
        XmlRpcValue value = await daemon.BackupAsync(names.Length == 0 ? _sections : [names[0]], cancel).ConfigureAwait(false);
        foreach (var name in names)
        {
            value =
                value switch
                {
                    XmlRpcStruct parent => parent[name],
                    XmlRpcArray list when int.TryParse(name, out var index) && index >= 0 && index < list.Values.Length => list.Values[
                        index
                    ],
                    _ => null,
                } ?? XmlRpcString.Empty;
        }
        return value;
    }

    private static XmlRpcValue ByName(XmlRpcValue list) =>
        XmlRpcShapes.TryReadList(list, out var items)
            ? new XmlRpcStruct([
                .. items.OfType<XmlRpcStruct>().DistinctBy(i => Text(i["name"])).Select(i => new XmlRpcMember(Text(i["name"]), i)),
            ])
            : XmlRpcArray.Empty;

    private static XmlRpcValue Descriptions(XmlRpcValue interfaces) =>
        interfaces is XmlRpcStruct all
            ? new XmlRpcStruct([
                .. all
                    .Members.Where(m => m.Value is XmlRpcStruct)
                    .Select(m => new XmlRpcMember(
                        m.Name,
                        new XmlRpcString(Text(((XmlRpcStruct)m.Value)["descr"]) is { Length: > 0 } text ? text : m.Name.ToUpperInvariant())
                    )),
            ])
            : XmlRpcArray.Empty;

    // What runs here under this product's name. The daemon answered, or the call would have failed by now.
    private async Task<XmlRpcArray> ServicesAsync(CancellationToken cancel)
    {
        var status = await daemon.StatusAsync(cancel).ConfigureAwait(false);
        static XmlRpcStruct Service(string name, string text) =>
            new([
                new("name", new XmlRpcString(name)),
                new("description", new XmlRpcString(text)),
                new("enabled", XmlRpcBoolean.True),
                new("status", XmlRpcBoolean.True),
            ]);
        return new XmlRpcArray([
            Service("redoubtd", $"Redoubt {status.Version}: elections, states, firewall"),
            Service("redoubt-web", "Redoubt: configuration synchronisation"),
        ]);
    }

    // The machine's identity without giving it away: other programs derive secrets from it.
    private static string UniqueId()
    {
        try
        {
            var id = File.ReadAllText("/etc/machine-id").Trim();
            return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("redoubt unique id " + id)))[..20];
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static XmlRpcArray ArpTable()
    {
        // IP address, HW type, flags, HW address, mask, device
        string[] lines;
        try
        {
            lines = [.. File.ReadLines("/proc/net/arp").Skip(1).Take(MostArpLines)];
        }
        catch (IOException)
        {
            return XmlRpcArray.Empty;
        }
        return new XmlRpcArray([
            .. lines
                .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(f => f.Length == 6 && f[2] != "0x0")
                .Select(f => new XmlRpcStruct([
                    new("hostname", new XmlRpcString("?")),
                    new("ip-address", new XmlRpcString(f[0])),
                    new("mac-address", new XmlRpcString(f[3])),
                    new("interface", new XmlRpcString(f[5])),
                    new("type", new XmlRpcString("ethernet")),
                ])),
        ]);
    }

    private static string Text(XmlRpcValue? value) =>
        value switch
        {
            XmlRpcString text => text.Value,
            XmlRpcInt number => number.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => "",
        };

    private static string Json(XmlRpcValue value)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
            Write(writer, value);
        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    // As deep as a message may be, which is not deep.
    private static void Write(Utf8JsonWriter writer, XmlRpcValue value)
    {
        switch (value)
        {
            case XmlRpcStruct members:
                writer.WriteStartObject();
                foreach (var member in members.Members)
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }
                writer.WriteEndObject();
                break;
            case XmlRpcArray items:
                writer.WriteStartArray();
                foreach (var item in items.Values)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case XmlRpcBoolean boolean:
                writer.WriteBooleanValue(boolean.Value);
                break;
            case XmlRpcInt number:
                writer.WriteNumberValue(number.Value);
                break;
            case XmlRpcDouble number:
                writer.WriteNumberValue(number.Value);
                break;
            case XmlRpcString text:
                writer.WriteStringValue(text.Value);
                break;
            case XmlRpcDateTime date:
                writer.WriteStringValue(date.Value);
                break;
            case XmlRpcBase64 bytes:
                writer.WriteBase64StringValue(bytes.Value.AsSpan());
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }
}
