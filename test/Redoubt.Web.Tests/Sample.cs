using System.Buffers;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

/// <summary>What the fake daemon knows.</summary>
internal static class Sample
{
    public static NodeStatus Status { get; } =
        new()
        {
            Node = "fw-b <script>",
            Version = "0.1.0",
            Health = Health.Degraded,
            Reasons = ["state sync: fw-a is not heard"],
            Carp = new CarpStatus
            {
                Enabled = true,
                Maintenance = false,
                Demotion = 0,
                Vips =
                [
                    new VipStatus
                    {
                        Interface = "wan",
                        Device = "wan0",
                        Vhid = 11,
                        State = VipState.Backup,
                        AdvBase = 1,
                        AdvSkew = 100,
                        Addresses = ["198.51.100.200/24"],
                        Since = DateTimeOffset.UnixEpoch,
                        Reason = "a better master is heard",
                        Master = "198.51.100.2",
                    },
                ],
            },
            StateSync = new StateSyncStatus { Enabled = true, Entries = 3 },
            ConfigSync = new ConfigSyncStatus { Role = ConfigRole.Secondary },
        };

    public static XmlRpcStruct Configuration { get; } =
        Struct(
            (
                "virtualip",
                Struct(
                    (
                        "vip",
                        new XmlRpcArray([
                            Struct(
                                ("mode", Text("carp")),
                                ("interface", Text("wan")),
                                ("vhid", Text("11")),
                                ("uniqid", Text("65a1b2c3d4e51"))
                            ),
                        ])
                    )
                )
            ),
            ("staticroutes", Struct(("route", new XmlRpcArray([Struct(("network", Text("10.20.0.0/16")), ("gateway", Text("DMZR")))])))),
            ("hasync", Struct(("pfsyncenabled", Text("on")))),
            ("system", Struct(("hostname", Text("fw-b")), ("domain", Text("example.net")))),
            ("interfaces", Struct(("wan", Struct(("if", Text("wan0")), ("descr", Text("Uplink")))), ("lan", Struct(("if", Text("lan0")))))),
            ("gateways", Struct(("gateway_item", new XmlRpcArray([Struct(("name", Text("DMZR")), ("gateway", Text("192.168.20.254")))])))),
            ("voucher", Struct(("guest", Struct(("rollbits", Text("16")), ("vouchersyncpass", Text("x"))))))
        );

    public static XmlRpcString Text(string text) => new(text);

    public static XmlRpcStruct Struct(params ReadOnlySpan<(string Name, XmlRpcValue Value)> members)
    {
        var list = new List<XmlRpcMember>();
        foreach (var (name, value) in members)
            list.Add(new XmlRpcMember(name, value));
        return new XmlRpcStruct([.. list]);
    }

    /// <summary>The sections that the request names, those that exist.</summary>
    public static byte[] Backup(ConfigBackupRequest request)
    {
        var names = request.Sections.ToHashSet();
        var output = new ArrayBufferWriter<byte>();
        XmlRpcWriter.WriteResponse(output, new XmlRpcStruct([.. Configuration.Members.Where(m => names.Contains(m.Name))]));
        return output.WrittenSpan.ToArray();
    }
}
