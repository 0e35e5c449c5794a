using System.Diagnostics;
using System.Text.Json.Nodes;
using Redoubt.Control;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

/// <summary>Other people's XML-RPC against ours: Python's and PHP's clients call our endpoint, our push goes to Python's server that plays a pfSense secondary.</summary>
public sealed class ForeignTests
{
    private static string Script(string name) => Path.Combine(Repository.Root, "test/Redoubt.Web.Tests/foreign", name);

    private static string Requests => Path.Combine(Repository.Root, "test/vectors/xmlrpc/requests");

    [Theory]
    [InlineData("python3", "client.py")]
    [InlineData("php", "client.php")]
    public async Task A_foreign_client_makes_pfsenses_calls(string program, string script)
    {
        await using var node = await WebNode.StartAsync();
        using var process = Start(program, Script(script), new Uri(node.Https, "/xmlrpc.php").ToString(), node.CertificatePath, Requests);
        var printed = await process.StandardOutput.ReadToEndAsync(Deadline.Token);
        await process.WaitForExitAsync(Deadline.Token);
        Assert.True(process.ExitCode == 0, await process.StandardError.ReadToEndAsync(Deadline.Token) + printed);
        var told = JsonNode.Parse(printed)!;
        Assert.Equal("24.5", told["version"]!.GetValue<string>());
        Assert.True(told["restored"]!.GetValue<bool>());
        Assert.True(told["unusual"]!.GetValue<bool>());
        Assert.Equal(["hasync", "staticroutes"], told["backup"]!.AsArray().Select(n => n!.GetValue<string>()).Order());
        Assert.True(told["carp"]!["data"]!.GetValue<bool>());
        Assert.Equal(-32500, told["php"]!.GetValue<int>());
        Assert.Equal(-32601, told["unknown"]![0]!.GetValue<int>());
        Assert.Equal(-32602, told["parameters"]!.GetValue<int>());
        Assert.Equal(-1, told["password"]!.GetValue<int>());
        Assert.Equal(-2, told["privilege"]!.GetValue<int>());

        var changes = node.Daemon.Of(ControlVerb.ConfigReceive).ToList();
        Assert.Equal(["restore_config_section", "merge_config_section"], changes.Select(c => c.Receive.Method));
        Assert.True(XmlRpcReader.TryReadCall(changes[0].Document, XmlRpcLimits.Default, out var restored, out _));
        Assert.True(
            XmlRpcReader.TryReadCall(
                Repository.Vector("requests/restore_config_section.full.xml"),
                XmlRpcLimits.Default,
                out var sent,
                out _
            )
        );
        Assert.Empty(PeerCheck.Differences((XmlRpcStruct)restored!.Parameters[0], (XmlRpcStruct)sent!.Parameters[0], limit: 100));
        Assert.True(XmlRpcReader.TryReadCall(changes[1].Document, XmlRpcLimits.Default, out var merged, out _));
        var unusual = (XmlRpcStruct)((XmlRpcStruct)merged!.Parameters[0])["system"]!;
        Assert.Equal(Sample.Text("ä€😀 <&>\"' \t\n"), unusual["a"]);
        Assert.Equal((XmlRpcBoolean.True, new XmlRpcInt(7), XmlRpcString.Empty), (unusual["b"], unusual["n"], unusual["e"]));
        Assert.Equal(XmlRpcArray.Empty, unusual["l"]);
    }

    [Fact]
    public async Task A_push_reaches_a_foreign_secondary_and_is_read_back()
    {
        using var secondary = new Secondary("24.5", "keep");
        await using var node = new PushingNode(await secondary.UrlAsync(), secondary.Pin);
        var dry = await node.PushAsync(1, dryRun: true);
        Assert.Equal(["aliases/alias[1]: only on the peer", "aliases/alias[1]: only here"], dry.Differences);
        var result = await node.PushAsync(2);
        Assert.Equal((true, null), (result.Ok, result.Error));
        Assert.Equal("11ee", result.PeerDigests!["aliases"]);
        Assert.Empty((await node.PushAsync(3, dryRun: true)).Differences);
        // Two dry runs of two calls, a push of four.
        var calls = await secondary.CallsAsync(8);
        Assert.Equal(
            ["pfsense.host_firmware_version", "pfsense.backup_config_section"],
            calls.Take(2).Select(c => c["method"]!.GetValue<string>())
        );
        Assert.Equal(
            ["pfsense.host_firmware_version", "pfsense.restore_config_section", "redoubt.area_digests", "pfsense.backup_config_section"],
            calls.Skip(2).Take(4).Select(c => c["method"]!.GetValue<string>())
        );
        Assert.Equal("""["",240]""", calls[0]["parameters"]!.ToJsonString());
        Assert.Equal("""[{"aliases":{"alias":[{"name":"Web","address":"192.0.2.1"}]}},900]""", calls[3]["parameters"]!.ToJsonString());
    }

    [Fact]
    public async Task A_foreign_secondary_that_loses_what_it_took_is_not_in_sync()
    {
        using var secondary = new Secondary("24.5", "lose");
        await using var node = new PushingNode(await secondary.UrlAsync(), secondary.Pin);
        var result = await node.PushAsync();
        Assert.Equal((true, null), (result.Ok, result.PeerDigests));
        Assert.Contains("pushed, but 2 things differ afterwards", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_foreign_secondary_of_another_version_or_with_another_password_is_left_alone()
    {
        using var secondary = new Secondary("22.9", "keep");
        await using (var node = new PushingNode(await secondary.UrlAsync(), secondary.Pin))
            Assert.Contains("different configuration version (22.9, here 24.5)", (await node.PushAsync()).Error, StringComparison.Ordinal);
        await using (var node = new PushingNode(await secondary.UrlAsync(), secondary.Pin, password: "wrong"))
            Assert.Contains("authentication failure", (await node.PushAsync()).Error, StringComparison.Ordinal);
    }

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Python's server with a certificate of its own.</summary>
    private sealed class Secondary : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-web-").FullName;
        private readonly Process _process;
        private Uri? _url;

        public Secondary(string version, string mode)
        {
            using var certificate = NodeCertificate.LoadOrMake(_directory, "fw-b", DateTimeOffset.UtcNow);
            Pin = NodeCertificate.Pin(certificate);
            _process = Start("python3", Script("secondary.py"), Path.Combine(_directory, "web.pem"), version, mode);
        }

        public string Pin { get; }

        public async Task<Uri> UrlAsync() =>
            _url ??= new Uri($"https://127.0.0.1:{await _process.StandardOutput.ReadLineAsync(Deadline.Token)}/xmlrpc.php");

        public async Task<List<JsonNode>> CallsAsync(int count)
        {
            var calls = new List<JsonNode>();
            while (calls.Count < count)
            {
                var line = await _process.StandardOutput.ReadLineAsync(Deadline.Token);
                if (line is null)
                    break;
                calls.Add(JsonNode.Parse(line)!);
            }
            return calls;
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
                _process.Kill();
            _process.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }
}
