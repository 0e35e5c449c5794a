using System.Text.Json.Nodes;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

public sealed class SnippetTests : IAsyncLifetime
{
    private WebNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await WebNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    private async Task<XmlRpcValue> Data(string expression)
    {
        var response = await _node.CallAsync("pfsense.exec_php", Sample.Text($"$toreturn = [\"data\" => {expression}];"));
        Assert.Null(response.Fault);
        return Assert.IsType<XmlRpcStruct>(response.Value)["data"]!;
    }

    [Fact]
    public async Task Carp_is_as_the_daemon_says()
    {
        Assert.Equal(XmlRpcBoolean.True, await Data("get_carp_status()"));
        Assert.Equal(Sample.Text("BACKUP"), await Data("get_carp_interface_status('_vip65a1b2c3d4e51')"));
        Assert.Equal(XmlRpcString.Empty, await Data("get_carp_interface_status('_vip0000000000000')"));
    }

    [Fact]
    public async Task The_configuration_is_read_without_secrets()
    {
        Assert.Equal(Sample.Text("fw-b"), await Data("$config['system']['hostname']"));
        Assert.Equal(Sample.Text("10.20.0.0/16"), await Data("config_get_path('staticroutes/route/0/network')"));
        Assert.Equal(XmlRpcString.Empty, await Data("$config['system']['nothing']['here']"));
        Assert.Equal(Sample.Configuration, await Data("$config"));
        Assert.All(_node.Daemon.Of("config-backup"), r => Assert.True(r.Line.Backup!.Redacted));
    }

    [Fact]
    public async Task Tables_are_what_this_node_has()
    {
        Assert.Equal(
            Sample.Struct(("wan", Sample.Text("Uplink")), ("lan", Sample.Text("LAN"))),
            await Data("get_configured_interface_with_descr()")
        );
        Assert.Equal("DMZR", Assert.IsType<XmlRpcStruct>(await Data("return_gateways_array()")).Members.Single().Name);
        var services = Assert.IsType<XmlRpcArray>(await Data("get_services()"));
        Assert.Equal(["redoubtd", "redoubt-web"], services.Values.Select(s => ((XmlRpcString)((XmlRpcStruct)s)["name"]!).Value));
        Assert.Equal(XmlRpcBoolean.True, await Data("(bool) is_service_running('redoubtd')"));
        Assert.Equal(XmlRpcBoolean.False, await Data("is_service_running('unbound')"));
        Assert.IsType<XmlRpcArray>(await Data("system_get_arp_table()"));
        Assert.Equal(20, Assert.IsType<XmlRpcString>(await Data("system_get_uniqueid()")).Value.Length);
    }

    [Fact]
    public async Task What_nobody_here_knows_is_a_fault()
    {
        var response = await _node.CallAsync("pfsense.exec_php", Sample.Text("$toreturn = ['data' => return_gateways_status(true)];"));
        Assert.Equal(XmlRpcFault.RefusedCode, response.Fault!.Code);
    }

    [Fact]
    public async Task The_voucher_fetch_leaves_out_how_it_is_fetched()
    {
        var response = await _node.CallAsync("pfsense.exec_php", Sample.Text("$toreturn['voucher'] = $config['voucher']['guest'];"));
        Assert.Equal(Sample.Struct(("voucher", Sample.Struct(("rollbits", Sample.Text("16"))))), response.Value);
    }

    [Fact]
    public async Task An_answer_goes_as_json_where_that_is_wanted()
    {
        var response = await _node.CallAsync(
            "pfsense.exec_php",
            Sample.Text(
                "$toreturn = ['data' => $config['gateways'], 'on' => get_carp_status()];\n"
                    + "$toreturn_real = $toreturn; $toreturn = []; $toreturn[\"real\"] = json_encode($toreturn_real);"
            )
        );
        var json = Assert.IsType<XmlRpcString>(Assert.IsType<XmlRpcStruct>(response.Value)["real"]).Value;
        Assert.Equal(
            """{"data":{"gateway_item":[{"name":"DMZR","gateway":"192.168.20.254"}]},"on":true}""",
            JsonNode.Parse(json)!.ToJsonString()
        );
    }

    [Fact]
    public async Task A_reload_is_carried_out_by_the_daemon_before_the_answer()
    {
        var response = await _node.CallAsync("pfsense.exec_php", Sample.Text("filter_configure(); interfaces_vips_configure();"));
        Assert.Equal(XmlRpcBoolean.True, response.Value);
        Assert.Equal(["filter_configure", "interfaces_carp_configure"], _node.Daemon.Of("config-receive").Select(r => r.Receive.Method));
    }

    [Fact]
    public async Task Services_are_not_controlled_and_nothing_of_the_snippet_is_done()
    {
        var response = await _node.CallAsync(
            "pfsense.exec_php",
            Sample.Text("restart_service('unbound'); filter_configure(); $toreturn = true;")
        );
        Assert.Equal(XmlRpcFault.RefusedCode, response.Fault!.Code);
        Assert.Empty(_node.Daemon.Of("config-receive"));
    }

    [Fact]
    public async Task Commands_of_the_list_are_carried_out_only_where_that_is_switched_on()
    {
        await using var open = await WebNode.StartAsync(change: o => o with { AllowExecShell = true });
        var command = Sample.Text("/etc/rc.filter_configure");
        Assert.Equal(XmlRpcFault.RefusedCode, (await _node.CallAsync("pfsense.exec_shell", command)).Fault!.Code);
        Assert.Equal(XmlRpcBoolean.True, (await open.CallAsync("pfsense.exec_shell", command)).Value);
        Assert.Equal("filter_configure", open.Daemon.Of("config-receive").Single().Receive.Method);
        Assert.Equal(
            XmlRpcFault.RefusedCode,
            (await open.CallAsync("pfsense.exec_shell", Sample.Text("/etc/rc.filter_configure; id"))).Fault!.Code
        );
        Assert.Equal(XmlRpcFault.RefusedCode, (await open.CallAsync("pfsense.exec_shell", Sample.Text("/etc/rc.reboot"))).Fault!.Code);
    }
}
