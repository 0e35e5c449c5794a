using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.XmlRpc;

/// <summary>Any bytes: a message or a reason. Any values: written and read they are the same.</summary>
public sealed class XmlRpcFuzzTests
{
    private static readonly string[] _pieces =
    [
        "<methodCall>",
        "</methodCall>",
        "<methodName>m</methodName>",
        "<params>",
        "</params>",
        "<param>",
        "</param>",
        "<value>",
        "</value>",
        "<value/>",
        "<struct>",
        "</struct>",
        "<member>",
        "</member>",
        "<name>n</name>",
        "<array>",
        "</array>",
        "<data>",
        "</data>",
        "<string>",
        "</string>",
        "<int>1</int>",
        "<nil/>",
        "<fault>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "?>",
        "<!DOCTYPE a>",
        "&amp;",
        "&#0;",
        "text",
        " ",
        "'",
        "\"",
        "\0",
    ];

    private static readonly string[] _texts = ["", "a", " b ", "&<>]]>", "\r\n", "ä\U0001F600", "\t", new('x', 5000), "\"'"];

    [Fact]
    public void Any_bytes_give_a_message_or_a_reason() =>
        Seeds.ForEach(
            3000,
            seed =>
            {
                var random = new Random(seed);
                var bytes = seed % 3 == 0 ? Mutated(random) : Pieces(random);
                var taken = XmlRpcReader.TryReadCall(bytes, XmlRpcLimits.Default, out var call, out var refusal);
                Assert.Equal(taken, call is not null && refusal.IsNone);
                taken = XmlRpcReader.TryReadResponse(bytes, XmlRpcLimits.Default, out var response, out refusal);
                Assert.Equal(taken, response is not null && refusal.IsNone);
                if (call is null)
                    return;
                var output = new ArrayBufferWriter<byte>();
                Assert.True(XmlRpcWriter.WriteCall(output, call).IsNone);
                Assert.True(
                    XmlRpcReader.TryReadCall(output.WrittenSpan, XmlRpcLimits.Default, out var again, out refusal),
                    refusal.ToString()
                );
                Assert.Equal(call.Parameters, again!.Parameters);
            }
        );

    [Fact]
    public void Any_values_are_read_as_they_were_written() =>
        Seeds.ForEach(
            1000,
            seed =>
            {
                var random = new Random(seed);
                var value = Value(random, 6);
                var output = new ArrayBufferWriter<byte>();
                Assert.True(XmlRpcWriter.WriteResponse(output, value).IsNone);
                Assert.True(
                    XmlRpcReader.TryReadResponse(output.WrittenSpan, XmlRpcLimits.Default, out var response, out var refusal),
                    refusal.ToString()
                );
                Assert.Equal(value, response!.Value);
            }
        );

    private static byte[] Pieces(Random random)
    {
        var text = new StringBuilder(random.Next(4) == 0 ? "" : "<methodCall><methodName>m</methodName><params><param><value>");
        for (var n = random.Next(1, 30); n > 0; n--)
            text.Append(_pieces[random.Next(_pieces.Length)]);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static byte[] Mutated(Random random)
    {
        var output = new ArrayBufferWriter<byte>();
        XmlRpcWriter.WriteCall(output, "pfsense.restore_config_section", Value(random, 4));
        var bytes = output.WrittenSpan.ToArray();
        for (var n = random.Next(1, 4); n > 0; n--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return random.Next(3) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    private static XmlRpcValue Value(Random random, int depth) =>
        random.Next(depth > 0 ? 10 : 7) switch
        {
            0 => new XmlRpcInt(random.Next(int.MinValue, int.MaxValue)),
            1 => new XmlRpcInt(random.NextInt64(), IsI8: true),
            2 => new XmlRpcBoolean(random.Next(2) == 0),
            3 => new XmlRpcDouble(random.NextDouble() * 1e9),
            4 => XmlRpcNil.Instance,
            5 => new XmlRpcBase64([.. Enumerable.Range(0, random.Next(9)).Select(_ => (byte)random.Next(256))]),
            6 => new XmlRpcString(_texts[random.Next(_texts.Length)]),
            7 => new XmlRpcArray([.. Enumerable.Range(0, random.Next(5)).Select(_ => Value(random, depth - 1))]),
            _ => new XmlRpcStruct([
                .. Enumerable
                    .Range(0, random.Next(random.Next(8) == 0 ? 30 : 5))
                    .Select(i => new XmlRpcMember($"n{i}", Value(random, depth - 1))),
            ]),
        };
}
