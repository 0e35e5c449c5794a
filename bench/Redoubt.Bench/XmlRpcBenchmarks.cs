using System.Buffers;
using System.Globalization;
using BenchmarkDotNet.Attributes;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Bench;

/// <summary>A push of firewall rules as a body: rules of 20 texts each.</summary>
public class XmlRpcBenchmarks
{
    private readonly ArrayBufferWriter<byte> _output = new();
    private XmlRpcCall _call = null!;
    private byte[] _message = [];

    /// <summary>Rules in the message.</summary>
    [Params(100, 10_000)]
    public int Rules { get; set; }

    /// <summary>Makes the message and says how large it is.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var rules = new XmlRpcArray([.. Enumerable.Range(0, Rules).Select(Rule)]);
        var body = new XmlRpcStruct([new("filter", new XmlRpcStruct([new("rule", rules)]))]);
        _call = new XmlRpcCall("pfsense.restore_config_section", [body, new XmlRpcInt(900)]);
        Encode();
        _message = _output.WrittenSpan.ToArray();
        Console.WriteLine($"// {Rules} rules: {_message.Length} bytes");
    }

    /// <summary>Bytes to values.</summary>
    [Benchmark]
    public int Decode() =>
        XmlRpcReader.TryReadCall(_message, XmlRpcLimits.Default, out var call, out _)
            ? call!.Parameters.Length
            : throw new InvalidOperationException("the message is not read");

    /// <summary>Values to bytes, into a buffer that is large enough.</summary>
    [Benchmark]
    public int Encode()
    {
        _output.ResetWrittenCount();
        return XmlRpcWriter.WriteCall(_output, _call).IsNone ? _output.WrittenCount : throw new InvalidOperationException("not written");
    }

    private static XmlRpcStruct Rule(int number)
    {
        string Digits(int value) => value.ToString(CultureInfo.InvariantCulture);
        (string Name, string Text)[] members =
        [
            ("id", ""),
            ("tracker", Digits(1_760_000_000 + number)),
            ("type", number % 3 == 0 ? "block" : "pass"),
            ("interface", number % 2 == 0 ? "wan" : "lan"),
            ("ipprotocol", "inet"),
            ("tag", ""),
            ("tagged", ""),
            ("max", ""),
            ("max-src-nodes", ""),
            ("max-src-conn", ""),
            ("max-src-states", ""),
            ("statetimeout", ""),
            ("statetype", "keep state"),
            ("os", ""),
            ("protocol", "tcp"),
            ("descr", "Rule " + Digits(number) + " of <many> & more"),
        ];
        var source = new XmlRpcStruct([new("address", new XmlRpcString($"10.{number / 250 % 250}.{number % 250}.0/24"))]);
        var destination = new XmlRpcStruct([new("any", XmlRpcString.Empty), new("port", new XmlRpcString(Digits(number % 65535)))]);
        return new XmlRpcStruct([
            .. members.Select(m => new XmlRpcMember(m.Name, new XmlRpcString(m.Text))),
            new("source", source),
            new("destination", destination),
        ]);
    }
}
