using System.Net;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

public sealed class EndpointTests : IAsyncLifetime
{
    private WebNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await WebNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    private Task<XmlRpcResponse> Vector(string name) => _node.CallAsync(Repository.Vector($"requests/{name}.xml"));

    private static XmlRpcResponse Expected(string name)
    {
        Assert.True(
            XmlRpcReader.TryReadResponse(Repository.Vector($"responses/{name}.xml"), XmlRpcLimits.Default, out var response, out _)
        );
        return response!;
    }

    [Theory]
    [InlineData("restore_config_section.full")]
    [InlineData("restore_config_section.one-section")]
    [InlineData("restore_config_section.empty-string-section")]
    [InlineData("restore_config_section.empty-array-section")]
    [InlineData("restore_config_section.struct-with-holes")]
    [InlineData("merge_installedpackages_section")]
    [InlineData("merge_config_section")]
    [InlineData("interfaces_carp_configure")]
    public async Task A_change_goes_to_the_daemon_as_it_came_and_is_answered_with_true(string vector)
    {
        Assert.Equal(Expected("true"), await Vector(vector));
        var received = Assert.Single(_node.Daemon.Of("config-receive"));
        Assert.True(XmlRpcReader.TryReadCall(received.Document, XmlRpcLimits.Default, out var passed, out _));
        Assert.True(XmlRpcReader.TryReadCall(Repository.Vector($"requests/{vector}.xml"), XmlRpcLimits.Default, out var sent, out _));
        Assert.Equal(sent!.Method, passed!.Method);
        Assert.Equal(sent.Parameters[0] is XmlRpcStruct ? sent.Parameters[0] : null, passed.Parameters.SingleOrDefault());
        Assert.Equal(("hasync", "127.0.0.1"), (received.Receive.User, received.Receive.Address));
        Assert.Equal(sent.Method, "pfsense." + received.Receive.Method);
    }

    [Theory]
    [InlineData("exec_php.arbitrary", "exec_php.refused")]
    [InlineData("exec_shell", "exec_shell.refused")]
    [InlineData("exec_php.get_carp_status", "exec_php.get_carp_status")]
    [InlineData("legacy-2.2.host_firmware_version", "fault.bad-parameters")]
    public async Task A_request_is_answered_as_recorded(string request, string response)
    {
        Assert.Equal(Expected(response), await Vector(request));
        Assert.Empty(_node.Daemon.Of("config-receive"));
    }

    [Theory]
    [InlineData("host_firmware_version")]
    [InlineData("host_firmware_version.python-client")]
    public async Task The_version_is_the_configurations(string vector)
    {
        var version = Assert.IsType<XmlRpcStruct>((await Vector(vector)).Value);
        Assert.Equal(["firmware", "kernel", "base", "platform", "config_version"], version.Members.Select(m => m.Name));
        Assert.Equal(Sample.Text("24.5"), version["config_version"]);
        Assert.Equal(Sample.Struct(("version", Sample.Text("0.1.0"))), version["firmware"]);
    }

    [Fact]
    public async Task A_backup_has_the_sections_that_exist()
    {
        var backup = Assert.IsType<XmlRpcStruct>((await Vector("backup_config_section")).Value);
        Assert.Equal(["staticroutes", "hasync"], backup.Members.Select(m => m.Name));
        var asked = Assert.Single(_node.Daemon.Of("config-backup"));
        Assert.True(asked.Line.Backup!.Redacted);
    }

    [Fact]
    public async Task Names_that_no_section_can_have_are_left_out()
    {
        var names = new XmlRpcArray([Sample.Text("../../etc"), Sample.Text(""), Sample.Text("hasync"), Sample.Text("A")]);
        Assert.Single(Assert.IsType<XmlRpcStruct>((await _node.CallAsync("pfsense.backup_config_section", names)).Value).Members);
        Assert.Equal(["hasync"], _node.Daemon.Of("config-backup").Single().Line.Backup!.Sections);
        // None is not all.
        var none = await _node.CallAsync("pfsense.backup_config_section", XmlRpcArray.Empty);
        Assert.Equal(XmlRpcArray.Empty, none.Value);
    }

    [Theory]
    [InlineData("captive_portal_sync.get_databases")]
    [InlineData("captive_portal_sync.disconnect_all")]
    public async Task A_portal_zone_is_not_known(string vector) => Assert.Equal(XmlRpcBoolean.False, (await Vector(vector)).Value);

    [Fact]
    public async Task A_reboot_is_refused()
    {
        Assert.Equal(XmlRpcFault.RefusedCode, (await Vector("reboot")).Fault!.Code);
        Assert.Empty(_node.Daemon.Of("config-receive"));
    }

    [Fact]
    public async Task Older_clients_calls_are_served()
    {
        Assert.Equal(XmlRpcBoolean.True, (await _node.CallAsync("pfsense.filter_configure")).Value);
        Assert.Equal(XmlRpcArray.Empty, (await _node.CallAsync("pfsense.get_notices")).Value);
        Assert.Equal(XmlRpcFault.UnknownMethod, (await _node.CallAsync("pfsense.check_firmware_version", Sample.Text("x"))).Fault);
        Assert.NotNull((await _node.CallAsync("pfsense.host_firmware_version")).Value);
        var packages = Sample.Struct(("haproxy", Sample.Struct(("enable", Sample.Text("")))));
        Assert.Equal(XmlRpcBoolean.True, (await _node.CallAsync("pfsense.merge_installedpackages_section_xmlrpc", packages)).Value);
        Assert.Equal("merge_installedpackages_section", _node.Daemon.Of("config-receive").Last().Receive.Method);
    }

    [Fact]
    public async Task A_password_as_first_parameter_is_taken_only_where_that_is_switched_on()
    {
        await using var legacy = await WebNode.StartAsync(change: o => o with { AllowLegacyCalls = true });
        var aliases = Sample.Struct(("aliases", Sample.Text("")));
        Assert.Equal(
            XmlRpcFault.BadParameters,
            (await _node.CallAsync("pfsense.restore_config_section", Sample.Text("pw"), aliases)).Fault
        );
        Assert.Equal(XmlRpcBoolean.True, (await legacy.CallAsync("pfsense.restore_config_section", Sample.Text("pw"), aliases)).Value);
        var snippet = Sample.Text("$toreturn = ['data' => get_carp_status()];");
        Assert.NotNull((await legacy.CallAsync("pfsense.exec_php", Sample.Text("pw"), snippet)).Value);
        Assert.NotNull((await legacy.CallAsync(Repository.Vector("requests/legacy-2.2.host_firmware_version.xml"))).Value);
        Assert.Equal(
            XmlRpcFault.BadPassword,
            (await legacy.CallAsync(Repository.Vector("requests/legacy-2.2.host_firmware_version.xml"), null)).Fault
        );
    }

    [Theory]
    [InlineData("pfsense.restore_config_section")]
    [InlineData("pfsense.merge_config_section")]
    [InlineData("pfsense.merge_installedpackages_section")]
    [InlineData("pfsense.backup_config_section")]
    [InlineData("pfsense.captive_portal_sync")]
    [InlineData("pfsense.exec_php")]
    [InlineData("pfsense.exec_shell")]
    public async Task Parameters_that_are_missing_or_of_the_wrong_kind_are_refused(string method)
    {
        Assert.Equal(Expected("fault.bad-parameters"), await _node.CallAsync(method));
        Assert.Equal(Expected("fault.bad-parameters"), await _node.CallAsync(method, new XmlRpcInt(1), new XmlRpcInt(2)));
        Assert.Empty(_node.Daemon.Of("config-receive"));
    }

    [Theory]
    [InlineData("restore_config_section")]
    [InlineData("pfsense.")]
    [InlineData("pfsense.auth")]
    [InlineData("pfsense.GetType")]
    [InlineData("pfsense.RESTORE_CONFIG_SECTION")]
    [InlineData("opnsense.restore_config_section")]
    [InlineData("system.listMethods")]
    public async Task A_method_that_is_not_served_is_not_found(string method) =>
        Assert.Equal(Expected("fault.unknown-method"), await _node.CallAsync(method));

    [Theory]
    [InlineData("")]
    [InlineData("not xml")]
    [InlineData("<methodCall></methodCall>")]
    [InlineData("<!DOCTYPE a [<!ENTITY b \"c\">]><methodCall><methodName>&b;</methodName></methodCall>")]
    public async Task A_body_that_is_no_call_is_a_fault(string body) =>
        Assert.Equal(Expected("fault.unparsable"), await _node.CallAsync(Encoding.UTF8.GetBytes(body)));

    [Fact]
    public async Task The_daemons_refusal_reaches_the_caller()
    {
        _node.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigReceive
                    ? (ControlReply.Error("filter/rule 3: no interface opt9") with { FaultCode = -32500 }, null)
                    : null
            );
        var response = await Vector("restore_config_section.one-section");
        Assert.Equal(new XmlRpcFault(-32500, "filter/rule 3: no interface opt9"), response.Fault);
    }

    [Fact]
    public async Task The_daemons_reason_for_telling_nothing_reaches_the_caller()
    {
        _node.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigBackup ? (ControlReply.Error("the configuration is not read yet"), null) : null
            );
        Assert.Equal(new XmlRpcFault(-32500, "the configuration is not read yet"), (await Vector("backup_config_section")).Fault);
    }

    [Fact]
    public async Task A_daemon_that_is_gone_is_a_fault_not_a_crash()
    {
        await _node.Daemon.DisposeAsync();
        Assert.Equal(XmlRpcFault.RefusedCode, (await Vector("host_firmware_version")).Fault!.Code);
        using var page = await _node.Client.GetAsync(new Uri(_node.Http, "/"), Deadline.Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, page.StatusCode);
    }

    [Fact]
    public async Task Origin_path_and_generation_are_passed_on()
    {
        await _node.CallAsync(
            Repository.Vector("requests/restore_config_section.one-section.xml"),
            change: r =>
            {
                r.Headers.Add("X-Redoubt-Origin", "1");
                r.Headers.Add("X-Redoubt-Path", "1,3");
                r.Headers.Add("X-Redoubt-Generation", "42");
            }
        );
        var received = Assert.Single(_node.Daemon.Of("config-receive")).Receive;
        Assert.Equal(("1", 42), (received.Origin, received.Generation));
        Assert.Equal(["1", "3"], received.Path);
        await Vector("restore_config_section.one-section");
        received = _node.Daemon.Of("config-receive").Last().Receive;
        Assert.Equal((null, null), (received.Origin, received.Generation));
        Assert.Empty(received.Path);
    }

    [Theory]
    [InlineData("X-Redoubt-Origin", "fw 1")]
    [InlineData("X-Redoubt-Origin", "a,b")]
    [InlineData("X-Redoubt-Path", "1,,2")]
    [InlineData("X-Redoubt-Path", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17")]
    [InlineData("X-Redoubt-Generation", "new")]
    public async Task A_malformed_loop_header_is_refused(string name, string value)
    {
        var response = await _node.CallAsync(
            Repository.Vector("requests/restore_config_section.one-section.xml"),
            change: r => r.Headers.Add(name, value)
        );
        Assert.Equal(XmlRpcFault.RefusedCode, response.Fault!.Code);
        Assert.Empty(_node.Daemon.Of("config-receive"));
    }

    [Fact]
    public async Task Digests_are_served_to_our_own_nodes() =>
        Assert.Equal(
            Sample.Struct(("rules", Sample.Text("00ff")), ("aliases", Sample.Text("22dd"))),
            (await _node.CallAsync("redoubt.area_digests")).Value
        );

    [Fact]
    public async Task Every_call_leaves_one_line_of_audit()
    {
        await Vector("restore_config_section.one-section");
        await _node.CallAsync(Repository.Vector("requests/exec_php.arbitrary.xml"));
        await _node.CallAsync(WebNode.Encode("m"), "evil\n2026 info XML-RPC:x");
        var audit = _node
            .Log.Where(l => l.Contains("XML-RPC ", StringComparison.Ordinal) && l.Contains(" bytes", StringComparison.Ordinal))
            .ToList();
        Assert.Equal(3, audit.Count);
        Assert.Contains("pfsense.restore_config_section by hasync from 127.0.0.1: ok", audit[0], StringComparison.Ordinal);
        Assert.Contains("sections aliases", audit[0], StringComparison.Ordinal);
        Assert.Contains("pfsense.exec_php by hasync from 127.0.0.1: fault -32500", audit[1], StringComparison.Ordinal);
        Assert.Contains("by evil?2026 info XML-RPC from", audit[2], StringComparison.Ordinal);
        Assert.DoesNotContain(_node.Log, l => l.Contains("p@ss", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Both_paths_are_served_and_nothing_else()
    {
        async Task<HttpStatusCode> Status(HttpMethod method, string path)
        {
            using var request = new HttpRequestMessage(method, path);
            using var response = await _node.Client.SendAsync(request, Deadline.Token);
            return response.StatusCode;
        }
        Assert.Equal(HttpStatusCode.OK, await Status(HttpMethod.Post, "/xmlrpc"));
        Assert.Equal(HttpStatusCode.OK, await Status(HttpMethod.Post, "/xmlrpc.php"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, await Status(HttpMethod.Get, "/xmlrpc.php"));
        Assert.Equal(HttpStatusCode.NotFound, await Status(HttpMethod.Get, "/etc/passwd"));
        Assert.Equal(HttpStatusCode.NotFound, await Status(HttpMethod.Post, "/xmlrpc.php/x"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, await Status(HttpMethod.Delete, "/"));
    }

    [Fact]
    public async Task The_page_is_shown_to_who_may_and_encodes_what_it_shows()
    {
        using var denied = await _node.Client.GetAsync(new Uri("/", UriKind.Relative), Deadline.Token);
        Assert.Equal(HttpStatusCode.Unauthorized, denied.StatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(WebNode.Good)));
        using var shown = await _node.Client.SendAsync(request, Deadline.Token);
        var page = await shown.Content.ReadAsStringAsync(Deadline.Token);
        Assert.Contains("degraded", page, StringComparison.Ordinal);
        Assert.Contains("198.51.100.200/24", page, StringComparison.Ordinal);
        Assert.Contains("BACKUP", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", shown.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        using var local = await _node.Client.GetAsync(new Uri(_node.Http, "/"), Deadline.Token);
        Assert.Equal(HttpStatusCode.OK, local.StatusCode);
    }
}
