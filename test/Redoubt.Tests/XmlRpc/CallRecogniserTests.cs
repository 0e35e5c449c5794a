using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.XmlRpc;

public sealed class CallRecogniserTests
{
    private static RecognisedQuery Single(string snippet)
    {
        var read = CallRecogniser.Php(snippet);
        Assert.NotNull(read);
        Assert.Empty(read.Actions);
        var answer = Assert.Single(read.Answers);
        Assert.Equal("data", answer.Key);
        return answer.Value;
    }

    [Theory]
    [InlineData("get_carp_status()", RecognisedCall.CarpStatus, "")]
    [InlineData("get_carp_interface_status(\"_vip65a1b2c3d4e51\")", RecognisedCall.CarpInterfaceStatus, "_vip65a1b2c3d4e51")]
    [InlineData("return_gateways_array()", RecognisedCall.Gateways, "")]
    [InlineData("return_gateways_status(true)", RecognisedCall.GatewayStatus, "")]
    [InlineData("$config", RecognisedCall.Configuration, "")]
    [InlineData("$config['system']['hostname']", RecognisedCall.Configuration, "system/hostname")]
    [InlineData("config_get_path('unbound/hosts', [])", RecognisedCall.Configuration, "unbound/hosts")]
    [InlineData("system_get_uniqueid()", RecognisedCall.UniqueId, "")]
    [InlineData("get_services()", RecognisedCall.Services, "")]
    [InlineData("(bool) is_service_running('unbound')", RecognisedCall.ServiceRunning, "unbound")]
    [InlineData("system_get_arp_table(false)", RecognisedCall.ArpTable, "")]
    [InlineData("true", RecognisedCall.True, "")]
    public void A_query_is_recognised_by_its_form(string expression, RecognisedCall call, string argument)
    {
        var expected = new RecognisedQuery(call, argument);
        Assert.Equal(expected, Single($"$toreturn = [ \"data\" => {expression} ];"));
        Assert.Equal(expected, Single($"\nglobal $config; // a comment\n$toreturn=array('data'=>{expression},);"));
        Assert.Equal(
            expected,
            Single($"/* b */ require_once '/etc/inc/service-utils.inc';\n$x = {expression}; # c\n$toreturn = [\"data\" => $x];")
        );
    }

    [Fact]
    public void Several_answers_keep_their_names_and_order()
    {
        var read = CallRecogniser.Php("$toreturn = ['serial' => system_get_serial(), 'domain' => $config['system']['domain']];");
        Assert.Equal(["serial", "domain"], read!.Answers.Select(a => a.Key));
        Assert.Equal(
            [new RecognisedQuery(RecognisedCall.Serial), new(RecognisedCall.Configuration, "system/domain")],
            read.Answers.Select(a => a.Value)
        );
    }

    [Fact]
    public void Loops_that_only_copy_stand_for_what_they_copy()
    {
        Assert.Equal(
            new RecognisedQuery(RecognisedCall.Configuration, "virtualip/vip"),
            Single(
                "global $config; $vips = []; foreach ($config['virtualip']['vip'] as $vip) { $vips[] = $vip; } $toreturn = ['data' => $vips];"
            )
        );
        Assert.Equal(
            new RecognisedQuery(RecognisedCall.Services),
            Single(
                "$s = get_services(); $all = []; foreach($s as $one) { if (!is_array($one)) { continue; } if (!empty($one)) { $all[] = $one; } } "
                    + "$toreturn = ['data' => $all];"
            )
        );
    }

    [Fact]
    public void Actions_are_told_apart_from_queries()
    {
        var read = CallRecogniser.Php("require_once('filter.inc'); filter_configure(); interfaces_vips_configure(); $toreturn = true;");
        Assert.Equal([new(RecognisedCall.ReloadFilter), new RecognisedQuery(RecognisedCall.ReloadAddresses)], read!.Actions);
        Assert.Equal(new RecognisedQuery(RecognisedCall.True), Assert.Single(read.Answers).Value);
        read = CallRecogniser.Php(
            "$n = \"unbound\"; $r = is_service_running($n); if (!$r) { start_service($n); } $toreturn = ['data' => true];"
        );
        Assert.Equal(new RecognisedQuery(RecognisedCall.ControlService, "unbound"), Assert.Single(read!.Actions));
        read = CallRecogniser.Php("require_once('/usr/local/pkg/haproxy.inc'); haproxy_sync_xmlrpc();");
        Assert.Equal(new RecognisedQuery(RecognisedCall.PackageSync, "haproxy"), Assert.Single(read!.Actions));
    }

    [Fact]
    public void An_answer_that_is_wanted_as_json_is_noted()
    {
        const string Wrapper =
            "\n// as text\n$toreturn_real = $toreturn;\n$toreturn = [];\n$toreturn[\"real\"] = json_encode($toreturn_real);\n";
        var read = CallRecogniser.Php("ini_set('display_errors', 0); $toreturn = ['data' => get_carp_status()];" + Wrapper);
        Assert.True(read!.AsJson);
        Assert.False(CallRecogniser.Php("$toreturn = ['data' => get_carp_status()];")!.AsJson);
        Assert.Null(CallRecogniser.Php(Wrapper));
        Assert.Null(CallRecogniser.Php("$toreturn = ['data' => get_carp_status()];" + Wrapper + "filter_configure();"));
    }

    [Fact]
    public void The_voucher_fetch_names_its_zone()
    {
        var read = CallRecogniser.Php(
            "global $config; $toreturn['voucher'] = $config['voucher']['guest']; "
                + "unset($toreturn['vouchersyncport'], $toreturn['vouchersyncpass'], $toreturn['vouchersyncusername']);"
        );
        Assert.Equal(new("voucher", new RecognisedQuery(RecognisedCall.Voucher, "guest")), Assert.Single(read!.Answers));
    }

    [Theory]
    [InlineData("")]
    [InlineData(";")]
    [InlineData("global $config;")]
    [InlineData("system(\"id\"); $toreturn = 1;")]
    [InlineData("$toreturn = `id`;")]
    [InlineData("$toreturn = ['data' => get_carp_status()]; system('id');")]
    [InlineData("$toreturn = ['data' => get_carp_status() . system('id')];")]
    [InlineData("$toreturn = ['data' => \"{$config}\"];")]
    [InlineData("$toreturn = ['data' => 'a text'];")]
    [InlineData("$toreturn = ['data' => $unknown];")]
    [InlineData("$toreturn = ['data' => get_carp_status(), 'data' => true];")]
    [InlineData("$toreturn = ['data' => get_carp_status()]")]
    [InlineData("$toreturn = ['data' => unlink('/etc/passwd')];")]
    [InlineData("$toreturn = ['data' => config_get_path('../../etc/passwd')];")]
    [InlineData("$toreturn = ['data' => config_get_path($x)];")]
    [InlineData("$toreturn = ['data' => is_service_running('x; reboot')];")]
    [InlineData("$config['system'] = true;")]
    [InlineData("$config = true; $toreturn = true;")]
    [InlineData("// comment ?> <?php system('id');\n$toreturn = true;")]
    [InlineData("/* $toreturn = true;")]
    [InlineData("$f = 'system'; $f('id'); $toreturn = true;")]
    [InlineData("require_once('/usr/local/pkg/../../../tmp/x.inc'); x_sync();")]
    [InlineData("require_once('/usr/local/pkg/haproxy.inc'); haproxy_delete();")]
    [InlineData("require_once('http://example.net/x'); $toreturn = true;")]
    [InlineData("require_once('/usr/local/pkg/a.inc'); write_config(); $toreturn = true;")]
    [InlineData("if (true) { filter_configure(); }")]
    [InlineData("foreach ($config as $toreturn) { $x[] = $y; } $toreturn = $x;")]
    [InlineData("unset($toreturn['data']); $toreturn = true;")]
    public void Anything_else_is_not_recognised(string snippet) => Assert.Null(CallRecogniser.Php(snippet));

    [Fact]
    public void A_snippet_is_bounded()
    {
        Assert.NotNull(CallRecogniser.Php("$toreturn = true;" + new string(' ', 8000)));
        Assert.Null(CallRecogniser.Php("$toreturn = true;" + new string(' ', 8192)));
        Assert.Null(CallRecogniser.Php(string.Concat(Enumerable.Repeat("filter_configure();", 65))));
        Assert.Null(CallRecogniser.Php(new string(';', 5000)));
    }

    [Fact]
    public void Any_pieces_are_recognised_or_not() =>
        Seeds.ForEach(
            2000,
            seed =>
            {
                string[] pieces =
                [
                    .. "$toreturn|=|[|]|(|)|{|}|'data'|=>|get_carp_status|$config|;|,|!|if|foreach|as|$x|true|unset|require_once|global|'real'".Split(
                        '|'
                    ),
                    "json_encode",
                    "$toreturn_real",
                    "'",
                    "/*",
                    "\\",
                ];
                var random = new Random(seed);
                var snippet = string.Join(' ', Enumerable.Range(0, random.Next(1, 40)).Select(_ => pieces[random.Next(pieces.Length)]));
                if (CallRecogniser.Php(snippet) is { } read)
                    Assert.True(read.Answers.Length + read.Actions.Length > 0);
            }
        );

    [Theory]
    [InlineData("/etc/rc.filter_configure", RecognisedCall.ReloadFilter)]
    [InlineData(" /etc/rc.filter_configure_sync\n", RecognisedCall.ReloadFilter)]
    [InlineData("/etc/rc.interfaces_carp_configure", RecognisedCall.ReloadAddresses)]
    [InlineData("/etc/rc.reboot", RecognisedCall.Reboot)]
    public void A_command_of_the_list_is_recognised(string command, RecognisedCall call) =>
        Assert.Equal(call, CallRecogniser.Shell(command)!.Value.Call);

    [Theory]
    [InlineData("")]
    [InlineData("touch x")]
    [InlineData("/etc/rc.filter_configure; id")]
    [InlineData("/etc/rc.filter_configure && id")]
    [InlineData("/etc/rc.filter_configure\nid")]
    [InlineData("sh /etc/rc.filter_configure")]
    public void No_other_command_is(string command) => Assert.Null(CallRecogniser.Shell(command));
}
