using System.Text.Json;
using Redoubt.Cli;
using Redoubt.Control;
using Redoubt.Tests.Control;

namespace Redoubt.Tests.Cli;

public class CommandLineTests
{
    private const string Advert = // ARP-free: an IPv4 packet of protocol 112 that is too short to be an advertisement
        "4500001c000040 00ff70 0000 0a000001 e0000012 2101000000000000";

    [Theory]
    [InlineData("")]
    [InlineData("frobnicate")]
    [InlineData("status extra")]
    [InlineData("status --what")]
    [InlineData("carp")]
    [InlineData("carp demote")]
    [InlineData("carp demote 5")]
    [InlineData("carp demote 0 --reason x")]
    [InlineData("carp demote 241 --reason x")]
    [InlineData("carp demote many --reason x")]
    [InlineData("carp undemote")]
    [InlineData("carp state 1@lan")]
    [InlineData("carp state 1@lan init")]
    [InlineData("carp state lan@1 master")]
    [InlineData("carp state 0@lan master")]
    [InlineData("carp state 256@lan master")]
    [InlineData("carp state 1@ master")]
    [InlineData("maintenance")]
    [InlineData("maintenance maybe")]
    [InlineData("events --since yesterday")]
    [InlineData("events --since 5w")]
    [InlineData("events --since 99999999999999999d")]
    [InlineData("states")]
    [InlineData("config check")]
    [InlineData("config push what")]
    [InlineData("config apply")]
    [InlineData("config apply a.xml --confirm 0")]
    [InlineData("config apply a.xml --confirm 3601")]
    [InlineData("config diff")]
    [InlineData("config diff a.xml --id 3")]
    [InlineData("config rollback")]
    [InlineData("user")]
    [InlineData("user add")]
    [InlineData("user add bob secret")]
    [InlineData("user privilege bob")]
    [InlineData("interfaces assign lan")]
    [InlineData("doctor lan")]
    [InlineData("cluster")]
    [InlineData("cluster init")]
    [InlineData("cluster join a b")]
    [InlineData("decode carp")]
    [InlineData("decode carp --hex zz")]
    [InlineData("decode pfsync")]
    [InlineData("decode pfsync --hex 05 --key x")]
    [InlineData("decode carp --hex 00 file.pcap")]
    [InlineData("decode carp --hex 00 --ttl 256")]
    [InlineData("decode carp --hex 00 --address 10.0.0")]
    [InlineData("@/etc/passwd")]
    public async Task A_wrong_command_line_ends_with_2(string line)
    {
        var (code, output, error) = await RunAsync(line);

        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.StartsWith("redoubt: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("--version")]
    [InlineData("carp --help")]
    [InlineData("decode carp --help")]
    public async Task Help_and_version_end_with_0(string line)
    {
        var (code, output, _) = await RunAsync(line);

        Assert.Equal(0, code);
        Assert.NotEqual("", output);
    }

    [Theory]
    [InlineData("status")]
    [InlineData("events")]
    [InlineData("events --follow")]
    [InlineData("failover")]
    [InlineData("states list")]
    public async Task An_unreachable_daemon_is_named_by_its_socket(string line)
    {
        var (code, output, error) = await RunAsync($"{line} --control /nonexistent/c.sock");

        Assert.Equal(1, code);
        Assert.Equal("", output);
        Assert.Contains("/nonexistent/c.sock", error, StringComparison.Ordinal);
        Assert.Contains("redoubtd", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_is_json_too_where_that_was_asked_for()
    {
        var (code, output, _) = await RunAsync("status --json --control /nonexistent/c.sock");

        Assert.Equal(1, code);
        using var json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
    }

    [Theory]
    [InlineData("carp enable", "carp True")]
    [InlineData("carp disable", "carp False")]
    [InlineData("carp demote 100 --reason night", "demote 100 night")]
    [InlineData("carp undemote night", "undemote night")]
    [InlineData("carp state 7@opt1 backup", "state 7 opt1 backup")]
    [InlineData("maintenance on", "maintenance True")]
    [InlineData("maintenance off", "maintenance False")]
    [InlineData("failover", "failover False False")]
    [InlineData("failover --back --force", "failover True True")]
    [InlineData("states sync", "sync")]
    public async Task A_verb_reaches_the_daemon(string line, string call)
    {
        using var node = new ControlNode();

        var (code, output, error) = await RunAsync($"{line} --control {node.Socket}");
        Assert.Equal((0, call + Environment.NewLine, ""), (code, output, error));

        var (_, json, _) = await RunAsync($"--control {node.Socket} --json {line}");
        Assert.Equal($$"""{"ok":true,"message":"{{call}}"}""", json.Trim());
        Assert.Equal([call, call], node.Calls);
    }

    [Fact]
    public async Task A_refusal_ends_with_1_and_its_reason()
    {
        using var node = new ControlNode();

        var (code, _, error) = await RunAsync($"carp undemote none --control {node.Socket}");

        Assert.Equal((1, "redoubt: no such demotion"), (code, error.Trim()));
    }

    [Fact]
    public async Task Status_json_is_the_contract()
    {
        using var node = new ControlNode();

        var (code, output, _) = await RunAsync($"status --json --control {node.Socket}");

        Assert.Equal(0, code);
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(Tests(), "Control", "status.golden.json"), Token), output);
    }

    [Fact]
    public async Task Status_for_people_says_what_matters()
    {
        using var node = new ControlNode();

        var (_, output, _) = await RunAsync($"status --control {node.Socket}");

        foreach (
            var text in (string[])
                [
                    "fw1: degraded",
                    "! state sync: fw2 is not heard",
                    "lan@1",
                    "MASTER",
                    "10.0.0.1/24",
                    "bulk",
                    "gateway",
                    "FAILS",
                    "group main",
                    "DOES NOT RUN",
                    "no answer",
                    "0.4 ms",
                    "running 37%",
                ]
        )
            Assert.Contains(text, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("equal", null, "equal, 4 s ago", "yes")]
    [InlineData("different", "does not hear", "different, 4 s ago", "does not hear")]
    [InlineData(null, null, "running 37%  -", "yes")]
    public async Task Status_shows_what_the_comparison_of_the_tables_said(string? tables, string? silence, string shown, string alive)
    {
        var sample = ControlNode.Sample;
        var peer = sample.StateSync.Peers[0] with
        {
            Tables = tables,
            ComparedSecondsAgo = tables is null ? null : 3.9,
            Repaired = tables is null ? null : 71,
            Silence = silence,
        };
        using var node = new ControlNode(change: v =>
            v with
            {
                Status = () => sample with { StateSync = sample.StateSync with { Peers = [peer] } },
            }
        );

        var (_, output, _) = await RunAsync($"status --control {node.Socket}");

        var line = Assert.Single(output.Split('\n'), l => l.Contains("running 37%", StringComparison.Ordinal));
        Assert.Contains(shown, line, StringComparison.Ordinal);
        Assert.Contains(alive, line, StringComparison.Ordinal);
        Assert.Equal(tables is not null, line.Contains("71", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_hostile_name_does_not_steer_the_terminal()
    {
        using var node = new ControlNode(change: v =>
            v with
            {
                Status = () => ControlNode.Sample with { Node = "fw\u001b[2J\r\n1\u202e" },
            }
        );

        var (_, output, _) = await RunAsync($"status --control {node.Socket}");

        Assert.StartsWith("fw?[2J??1?: degraded", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public async Task States_are_counted_and_listed()
    {
        using var node = new ControlNode();

        Assert.Equal("3 of at most 1000", (await RunAsync($"states count --control {node.Socket}")).Output.Trim());
        Assert.Equal("""{"entries":3,"maximum":1000}""", (await RunAsync($"states count --json --control {node.Socket}")).Output.Trim());
        var (code, output, _) = await RunAsync($"states list --json --control {node.Socket}");
        Assert.Equal(0, code);
        Assert.Equal(3, output.Trim().Split('\n').Length);
        Assert.Contains("\"replyDestination\":\"198.51.100.1:2\"", output, StringComparison.Ordinal);
        Assert.Contains("answers 192.0.2.1:80", (await RunAsync($"states list --control {node.Socket}")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_come_as_a_line_each()
    {
        using var node = new ControlNode();
        node.Events.Transition("lan", 1, "BACKUP", "MASTER", "why");
        node.Events.Add(EventKind.Alarm, "later");

        var (code, output, _) = await RunAsync($"events --since 10m --json --control {node.Socket}");

        Assert.Equal(0, code);
        var lines = output.Trim().Split('\n');
        Assert.Equal(2, lines.Length);
        using var first = JsonDocument.Parse(lines[0]);
        Assert.Equal("transition", first.RootElement.GetProperty("type").GetString());
        Assert.Equal("MASTER", first.RootElement.GetProperty("to").GetString());
        Assert.EndsWith("Z", first.RootElement.GetProperty("time").GetString(), StringComparison.Ordinal);
        Assert.Equal("", (await RunAsync($"events --since 2090-01-01 --control {node.Socket}")).Output);
    }

    [Fact]
    public async Task A_follow_ends_with_0_when_interrupted()
    {
        using var node = new ControlNode();
        node.Events.Add(EventKind.Start, "started");
        using var interrupt = new CancellationTokenSource();
        var shown = new StringWriter();
        var output = TextWriter.Synchronized(shown);
        using var error = new StringWriter();
        var run = CommandLine.RunAsync(["events", "--follow", "--control", node.Socket], output, error, interrupt.Token);
        await ControlNode.Eventually(Started, "no event shown");

        await interrupt.CancelAsync();

        Assert.Equal(0, await run.WaitAsync(ControlNode.Deadline, Token));

        bool Started()
        {
            lock (output) // the synchronized writer locks itself
                return shown.ToString().Contains("started", StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("90s", "2026-01-02T02:58:30Z")]
    [InlineData("10m", "2026-01-02T02:50:00Z")]
    [InlineData("2h", "2026-01-02T01:00:00Z")]
    [InlineData("1d", "2026-01-01T03:00:00Z")]
    [InlineData("2026-01-01", "2026-01-01T00:00:00Z")]
    [InlineData("2026-01-01T12:00:00", "2026-01-01T12:00:00Z")]
    [InlineData("2026-01-01T12:00:00+02:00", "2026-01-01T10:00:00Z")]
    public void Since_takes_an_age_or_a_time(string text, string expected)
    {
        Assert.True(EventsCommand.TryParseSince(text, new DateTimeOffset(2026, 1, 2, 3, 0, 0, TimeSpan.Zero), out var time));

        Assert.Equal(expected, time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Config_check_names_the_problems_of_a_bad_file_and_ends_with_1()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                file,
                "<pfsense><virtualip><vip><mode>carp</mode><vhid>300</vhid></vip></virtualip></pfsense>",
                Token
            );

            var (code, output, _) = await RunAsync($"config check {file} --json");

            Assert.Equal(1, code);
            using var json = JsonDocument.Parse(output);
            Assert.False(json.RootElement.GetProperty("valid").GetBoolean());
            Assert.InRange(json.RootElement.GetProperty("errors").GetInt32(), 2, 100);
            Assert.Contains("vhid", output, StringComparison.Ordinal);
            Assert.Equal(1, (await RunAsync($"config check {file}")).Code);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Config_check_takes_a_good_file()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                file,
                "<pfsense><system><hostname>fw1</hostname></system><interfaces><lan><if>lan0</if><ipaddr>10.0.0.2</ipaddr><subnet>24</subnet></lan></interfaces></pfsense>",
                Token
            );

            var (code, output, _) = await RunAsync($"config check {file}");

            Assert.True(code == 0, output);
            Assert.Contains("valid, 0 errors", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_missing_file_ends_with_1_and_its_name()
    {
        Assert.Contains("/nonexistent.xml", (await RunAsync("config check /nonexistent.xml")).Error, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("config check /nonexistent.xml")).Code);
        Assert.Equal(1, (await RunAsync("decode carp /nonexistent.pcap")).Code);
    }

    [Fact]
    public async Task A_pfsync_payload_is_decoded_with_its_sections_fields_and_verdict()
    {
        // Header, one DEL_C of two, EOF.
        const string Payload =
            "05000034"
            + "00000000000000000000000000000000"
            + "07000002"
            + "000000000000000100000002"
            + "000000000000000300000004"
            + "0c000001";
        var accepted = await RunAsync($"decode pfsync --hex {Payload} --ttl 255");
        Assert.Equal(0, accepted.Code);
        Assert.Contains("pfsync: accepted", accepted.Output, StringComparison.Ordinal);
        Assert.Contains("DEL_C (7), 2 of 12 bytes at 20", accepted.Output, StringComparison.Ordinal);
        Assert.Contains("0000000000000003", accepted.Output, StringComparison.Ordinal);
        Assert.Contains("bad-ttl", (await RunAsync($"decode pfsync --hex {Payload} --ttl 254")).Output, StringComparison.Ordinal);
        var json = await RunAsync($"decode pfsync --json --hex {Payload}");
        Assert.Contains(
            "\"1.2 creatorid\":\"00000004\"",
            json.Output.Replace(" \"00", "\"00", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_capture_of_carp_is_decoded_packet_by_packet()
    {
        var capture = Path.Combine(Vectors(), "carp", "pcap", "ucarp_pair.pcap");

        var (code, output, _) = await RunAsync($"decode carp {capture} --json");

        Assert.Equal(0, code);
        var lines = output.Trim().Split('\n');
        Assert.True(lines.Length > 1, output);
        using var first = JsonDocument.Parse(lines[0]);
        Assert.Equal("carp", first.RootElement.GetProperty("protocol").GetString());
        Assert.NotEmpty(first.RootElement.GetProperty("fields").EnumerateObject());
        Assert.Equal(1, (await RunAsync($"decode vrrp {capture}")).Code);
        // What was given of key and addresses reaches the decoder: ucarp ran with these.
        var right = (await RunAsync($"decode carp --key love --address 10.1.1.252 {capture} --json")).Output;
        Assert.Equal(lines.Length, right.Split("\"verdict\":\"accepted").Length - 1);
        var wrong = (await RunAsync($"decode carp --key love --address 10.1.1.252 --address 10.1.1.253 {capture} --json")).Output;
        Assert.Equal(lines.Length, wrong.Split("\"verdict\":\"badauth").Length - 1);
    }

    [Fact]
    public async Task Bytes_are_decoded_with_a_verdict_whatever_they_are()
    {
        var random = new Random(7);
        for (var i = 0; i < 500; i++)
        {
            var bytes = new byte[random.Next(1, 100)];
            random.NextBytes(bytes);
            var output = new StringWriter();
            var code = await CommandLine.RunAsync(["decode", "carp", "--hex", Convert.ToHexString(bytes)], output, TextWriter.Null, Token);
            Assert.InRange(code, 0, 1);
            Assert.NotEqual("", output.ToString());
        }
        var separated = new StringWriter();
        await CommandLine.RunAsync(["decode", "carp", "--json", "--hex", Advert], separated, TextWriter.Null, Token);
        Assert.Contains("10.0.0.1", separated.ToString(), StringComparison.Ordinal);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Tests() => Path.GetDirectoryName(Path.GetDirectoryName(ControlProtocolTests.Beside("x"))!)!;

    private static string Vectors() => Path.Combine(Path.GetDirectoryName(Tests())!, "vectors");

    private static async Task<(int Code, string Output, string Error)> RunAsync(string line)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, error, Token);
        return (code, output.ToString(), error.ToString());
    }
}
