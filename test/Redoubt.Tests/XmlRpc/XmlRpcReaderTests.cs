using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.XmlRpc;

public sealed class XmlRpcReaderTests
{
    private static readonly XmlRpcLimits _limits = XmlRpcLimits.Default;

    private static XmlRpcReason Refusal(string xml, XmlRpcLimits? limits = null) => Refusal(Encoding.UTF8.GetBytes(xml), limits);

    private static XmlRpcReason Refusal(byte[] xml, XmlRpcLimits? limits = null)
    {
        var taken = XmlRpcReader.TryReadCall(xml, limits ?? _limits, out var call, out var refusal);
        Assert.Equal(taken, call is not null);
        Assert.Equal(taken, refusal.IsNone);
        return refusal.Reason;
    }

    private static XmlRpcValue Value(string inner)
    {
        Assert.True(
            XmlRpcReader.TryReadCall(Encoding.UTF8.GetBytes(Call(inner)), _limits, out var call, out var refusal),
            refusal.ToString()
        );
        return call!.Parameters.Single();
    }

    private static string Call(string value) =>
        $"<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>";

    [Theory]
    [InlineData("<value>plain</value>", "plain")]
    [InlineData("<value/>", "")]
    [InlineData("<value></value>", "")]
    [InlineData("<value>  </value>", "  ")]
    [InlineData("<value><string/></value>", "")]
    [InlineData("<value>\n <string> a </string>\n</value>", " a ")]
    [InlineData("<value><string><![CDATA[<a> & ]]]]><![CDATA[>]]></string></value>", "<a> & ]]>")]
    [InlineData("<value><string>a<!-- <b> -->c<?pi d?>e</string></value>", "ace")]
    [InlineData("<value><string>&amp;amp;&lt;&gt;&quot;&apos;&#228;&#x1F600;</string></value>", "&amp;<>\"'ä\U0001F600")]
    [InlineData("<value a='>\"' b=\"'>\"><string>x</string></value>", "x")]
    public void Text_is_kept_as_it_is(string xml, string text) => Assert.Equal(new XmlRpcString(text), Value(xml));

    [Fact]
    public void Every_kind_of_value_is_read()
    {
        Assert.Equal(new XmlRpcInt(-5), Value("<value><int>-5</int></value>"));
        Assert.Equal(new XmlRpcInt(5), Value("<value><i4> +5 </i4></value>"));
        Assert.Equal(new XmlRpcInt(5, IsI8: true), Value("<value><i8>5</i8></value>"));
        Assert.Equal(new XmlRpcInt(long.MinValue, IsI8: true), Value("<value><i8>-9223372036854775808</i8></value>"));
        Assert.Equal(XmlRpcBoolean.False, Value("<value><boolean>0</boolean></value>"));
        Assert.Equal(new XmlRpcDouble(-1.5e3), Value("<value><double>-1.5e3</double></value>"));
        Assert.Equal(
            new XmlRpcDateTime("19980717T14:08:55"),
            Value("<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>")
        );
        Assert.Equal(new XmlRpcBase64([1, 2, 3, 4]), Value("<value><base64>AQID\n BA==</base64></value>"));
        Assert.Same(XmlRpcNil.Instance, Value("<value><nil/></value>"));
        Assert.Equal(XmlRpcArray.Empty, Value("<value><array><data/></array></value>"));
        Assert.Equal(new XmlRpcStruct([]), Value("<value><struct/></value>"));
        Assert.Equal(
            new XmlRpcStruct([
                new("b", new XmlRpcArray([new XmlRpcString("1"), new XmlRpcStruct([new("2", XmlRpcString.Empty)])])),
                new("a", XmlRpcBoolean.True),
            ]),
            Value(
                "<value><struct> <member> <name>b</name><value><array><data><value>1</value> <value><struct><member><name>2</name><value/></member></struct>"
                    + "</value></data></array></value></member><member><name>a</name><value><boolean>1</boolean></value></member></struct></value>"
            )
        );
    }

    [Theory]
    [InlineData("<int>1x</int>")]
    [InlineData("<int></int>")]
    [InlineData("<int/>")]
    [InlineData("<int>2147483648</int>")]
    [InlineData("<int>0x10</int>")]
    [InlineData("<int>1 2</int>")]
    [InlineData("<int>١</int>")]
    [InlineData("<i8>9223372036854775808</i8>")]
    [InlineData("<boolean>true</boolean>")]
    [InlineData("<boolean>2</boolean>")]
    [InlineData("<double>NaN</double>")]
    [InlineData("<double>1e999</double>")]
    [InlineData("<double>1,5</double>")]
    [InlineData("<base64>a</base64>")]
    [InlineData("<base64>!!!!</base64>")]
    [InlineData("<dateTime.iso8601>yesterday</dateTime.iso8601>")]
    [InlineData("<nil>0</nil>")]
    public void A_scalar_that_is_not_one_is_refused(string scalar) =>
        Assert.Equal(XmlRpcReason.BadScalar, Refusal(Call($"<value>{scalar}</value>")));

    [Theory]
    [InlineData("", XmlRpcReason.NotXml)]
    [InlineData("   ", XmlRpcReason.NotXml)]
    [InlineData("nonsense", XmlRpcReason.NotXml)]
    [InlineData("<methodCall>", XmlRpcReason.NotXml)]
    [InlineData("<methodCall/>", XmlRpcReason.Incomplete)]
    [InlineData("<methodResponse/>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<methodCall><params/></methodCall>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<methodCall><methodName/></methodCall>", XmlRpcReason.BadName)]
    [InlineData("<methodCall><methodName>a b</methodName></methodCall>", XmlRpcReason.BadName)]
    [InlineData("<methodCall><methodName>m</methodName><other/></methodCall>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<methodCall><methodName>m</methodName><params/><params/></methodCall>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<methodCall><methodName>m</methodName>text</methodCall>", XmlRpcReason.UnexpectedText)]
    [InlineData("<methodCall><methodName>m</methodName></methodCall><methodCall/>", XmlRpcReason.NotXml)]
    [InlineData("<!DOCTYPE methodCall><methodCall><methodName>m</methodName></methodCall>", XmlRpcReason.DocumentType)]
    [InlineData("<!DOCTYPE a [<!ENTITY b \"c\">]><methodCall><methodName>&b;</methodName></methodCall>", XmlRpcReason.DocumentType)]
    [InlineData("<!doctype a SYSTEM \"file:///etc/passwd\"><methodCall/>", XmlRpcReason.DocumentType)]
    [InlineData("<methodCall><methodName>&b;</methodName></methodCall>", XmlRpcReason.NotXml)]
    [InlineData("<?xml version=\"1.0\" encoding=\"utf-16\"?><methodCall><methodName>m</methodName></methodCall>", XmlRpcReason.Encoding)]
    [InlineData("<?xml version=\"1.0\" encoding=\"utf-7\"?><methodCall><methodName>m</methodName></methodCall>", XmlRpcReason.Encoding)]
    [InlineData("<methodCall><methodName>m\0</methodName></methodCall>", XmlRpcReason.NotXml)]
    [InlineData("<methodCall><methodName>m</methodName></methodCall>\0", XmlRpcReason.NotXml)]
    [InlineData("<methodCall><methodName>&#0;</methodName></methodCall>", XmlRpcReason.NotXml)]
    public void What_is_no_call_is_refused_with_its_reason(string xml, XmlRpcReason reason) => Assert.Equal(reason, Refusal(xml));

    [Theory]
    [InlineData("<value>text<string>x</string></value>", XmlRpcReason.UnexpectedText)]
    [InlineData("<value><string>x</string>text</value>", XmlRpcReason.UnexpectedText)]
    [InlineData("<value><string>x</string><string>y</string></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><string>x<b/></string></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><unknown>x</unknown></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><array/></value>", XmlRpcReason.Incomplete)]
    [InlineData("<value><array><data/><data/></array></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><array><data><string>x</string></data></array></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><struct><member/></struct></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><struct><member><name/><value/></member></struct></value>", XmlRpcReason.BadName)]
    [InlineData("<value><struct><member><name>a</name></member></struct></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><struct><member><value/><name>a</name></member></struct></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData("<value><struct><member><name>a</name><value/><value/></member></struct></value>", XmlRpcReason.UnexpectedElement)]
    [InlineData(
        "<value><struct><member><name>a</name><value/></member><member><name>a</name><value/></member></struct></value>",
        XmlRpcReason.DuplicateMember
    )]
    public void A_malformed_value_is_refused_with_its_reason(string value, XmlRpcReason reason)
    {
        Assert.Equal(reason, Refusal(Call(value)));
        Assert.Equal(reason, Refusal(Call($"<value><array><data>{value}</data></array></value>")));
    }

    [Fact]
    public void Two_members_of_one_name_are_found_in_a_large_struct()
    {
        var members = Enumerable.Range(0, 40).Select(i => $"<member><name>n{i}</name><value/></member>").ToList();
        Assert.Equal(XmlRpcReason.None, Refusal(Call($"<value><struct>{string.Concat(members)}</struct></value>")));
        for (var again = 0; again < 40; again++)
        {
            members.Add($"<member><name>n{again}</name><value/></member>");
            Assert.Equal(XmlRpcReason.DuplicateMember, Refusal(Call($"<value><struct>{string.Concat(members)}</struct></value>")));
            members.RemoveAt(40);
        }
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused()
    {
        var good = Encoding.UTF8.GetBytes(Call("<value>ä</value>"));
        Assert.Equal(XmlRpcReason.None, Refusal(good));
        Assert.Equal(XmlRpcReason.Encoding, Refusal(Encoding.Latin1.GetBytes(Call("<value>ä</value>"))));
        Assert.Equal(XmlRpcReason.Encoding, Refusal([0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes(Call("<value>a</value>"))]));
        Assert.Equal(XmlRpcReason.NotXml, Refusal(Encoding.Unicode.GetBytes(Call("<value>a</value>"))));
    }

    [Fact]
    public void A_message_that_says_latin1_is_taken_while_it_is_ascii()
    {
        const string Declaration = "<?xml version='1.0' encoding='ISO-8859-1'?>";
        Assert.Equal(XmlRpcReason.None, Refusal(Declaration + Call("<value>a</value>")));
        Assert.Equal(XmlRpcReason.Encoding, Refusal(Declaration + Call("<value>ä</value>")));
    }

    [Fact]
    public void A_byte_order_mark_is_taken() => Assert.Equal(XmlRpcReason.None, Refusal("\uFEFF" + Call("<value>a</value>")));

    private static string Nested(int depth) =>
        Call(
            string.Concat(Enumerable.Repeat("<value><array><data>", depth - 1))
                + "<value>x</value>"
                + string.Concat(Enumerable.Repeat("</data></array></value>", depth - 1))
        );

    private static string NestedStructs(int depth) =>
        Call(
            string.Concat(Enumerable.Repeat("<value><struct><member><name>a</name>", depth - 1))
                + "<value>x</value>"
                + string.Concat(Enumerable.Repeat("</member></struct></value>", depth - 1))
        );

    [Fact]
    public void Depth_is_bounded()
    {
        Assert.Equal(XmlRpcReason.None, Refusal(Nested(64)));
        Assert.Equal(XmlRpcReason.TooDeep, Refusal(Nested(65)));
        Assert.Equal(XmlRpcReason.None, Refusal(NestedStructs(64)));
        Assert.Equal(XmlRpcReason.TooDeep, Refusal(NestedStructs(65)));
        Assert.Equal(XmlRpcReason.TooDeep, Refusal(Nested(200_000)));
        Assert.Equal(XmlRpcReason.UnexpectedElement, Refusal(string.Concat(Enumerable.Repeat("<a>", 200_000))));
    }

    [Fact]
    public void Every_count_and_length_is_bounded()
    {
        var text = Call("<value>12345</value>");
        Assert.Equal(XmlRpcReason.None, Refusal(text, _limits with { Bytes = text.Length }));
        Assert.Equal(XmlRpcReason.TooLarge, Refusal(text, _limits with { Bytes = text.Length - 1 }));
        Assert.Equal(XmlRpcReason.None, Refusal(text, _limits with { TextCharacters = 5 }));
        Assert.Equal(XmlRpcReason.LongText, Refusal(text, _limits with { TextCharacters = 4 }));
        var three = Call("<value><array><data><value/><value/></data></array></value>");
        Assert.Equal(XmlRpcReason.None, Refusal(three, _limits with { Values = 3 }));
        Assert.Equal(XmlRpcReason.TooManyValues, Refusal(three, _limits with { Values = 2 }));
        var named = Call("<value><struct><member><name>abc</name><value/></member></struct></value>");
        Assert.Equal(XmlRpcReason.None, Refusal(named, _limits with { NameCharacters = 3 }));
        Assert.Equal(XmlRpcReason.BadName, Refusal(named, _limits with { NameCharacters = 2 }));
        var parameters =
            "<methodCall><methodName>m</methodName><params><param><value/></param><param><value/></param></params></methodCall>";
        Assert.Equal(XmlRpcReason.None, Refusal(parameters, _limits with { Parameters = 2 }));
        Assert.Equal(XmlRpcReason.TooManyParameters, Refusal(parameters, _limits with { Parameters = 1 }));
    }

    [Theory]
    [InlineData("<!-- {0} -->{1}")]
    [InlineData("<!---->{1}<!--->{0}-->")]
    [InlineData("<?pi {0}?>{1}")]
    public void A_long_comment_or_instruction_is_skipped(string format) =>
        Assert.Equal(
            XmlRpcReason.None,
            Refusal(string.Format(null, format, string.Concat(Enumerable.Repeat("> <a b='\">-?]<", 5000)), Call("<value/>")))
        );

    [Fact]
    public void A_tag_is_bounded_wherever_it_hides()
    {
        var attributes = string.Concat(Enumerable.Range(0, 400).Select(i => $" a{i}='>'"));
        Assert.Equal(XmlRpcReason.LongTag, Refusal(Call($"<value{attributes}>x</value>")));
        Assert.Equal(XmlRpcReason.LongTag, Refusal(Call($"<value><string><![CDATA[ <a ' ]]></string><b{attributes}/></value>")));
        Assert.Equal(XmlRpcReason.LongTag, Refusal($"<!---><![CDATA[ --><methodCall{attributes}/>"));
        Assert.Equal(XmlRpcReason.LongTag, Refusal("<" + new string('a', 5000)));
        Assert.Equal(XmlRpcReason.None, Refusal(Call("<value " + new string(' ', 900) + ">x</value>")));
    }

    [Fact]
    public void A_stream_that_trickles_is_read_like_a_whole_one()
    {
        var bytes = Encoding.UTF8.GetBytes(
            Call("<value><struct><member><name>ä</name><value><![CDATA[]]]]></value></member></struct></value>")
        );
        Assert.True(XmlRpcReader.TryReadCall(new Trickle(bytes), _limits, out var call, out var refusal), refusal.ToString());
        Assert.Equal(new XmlRpcStruct([new("ä", new XmlRpcString("]]"))]), call!.Parameters[0]);
    }

    [Fact]
    public void A_response_is_found_behind_what_a_script_printed()
    {
        var output = new ArrayBufferWriter<byte>();
        XmlRpcWriter.WriteResponse(output, XmlRpcBoolean.True);
        byte[] message = [.. "Notice: <b>undefined</b> & so on\n"u8, .. output.WrittenSpan];
        Assert.True(XmlRpcReader.TryReadResponse(message, _limits, out var response, out _));
        Assert.Equal(XmlRpcBoolean.True, response!.Value);
        byte[] bare = [.. "x"u8, .. "<methodResponse><params><param><value/></param></params></methodResponse>"u8];
        Assert.True(XmlRpcReader.TryReadResponse(bare, _limits, out response, out _));
        Assert.Equal(XmlRpcString.Empty, response!.Value);
        byte[] late = [.. new byte[_limits.LeadingBytes], .. output.WrittenSpan];
        Assert.False(XmlRpcReader.TryReadResponse(late, _limits, out response, out var refusal));
        Assert.Equal((null, XmlRpcReason.NotXml), (response, refusal.Reason));
    }

    [Theory]
    [InlineData("<params><param><value/></param><param><value/></param></params>", XmlRpcReason.TooManyParameters)]
    [InlineData("<fault/>", XmlRpcReason.Incomplete)]
    [InlineData("<fault><value/></fault>", XmlRpcReason.BadFault)]
    [InlineData(
        "<fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member></struct></value></fault>",
        XmlRpcReason.BadFault
    )]
    [InlineData("<fault><value/></fault><params/>", XmlRpcReason.BadFault)]
    [InlineData("", XmlRpcReason.Incomplete)]
    public void A_malformed_response_is_refused_with_its_reason(string inner, XmlRpcReason reason)
    {
        var xml = Encoding.UTF8.GetBytes($"<methodResponse>{inner}</methodResponse>");
        Assert.False(XmlRpcReader.TryReadResponse(xml, _limits, out var response, out var refusal));
        Assert.Equal((null, reason), (response, refusal.Reason));
    }

    [Fact]
    public void A_response_without_a_value_is_nil()
    {
        Assert.True(XmlRpcReader.TryReadResponse("<methodResponse><params/></methodResponse>"u8, _limits, out var response, out _));
        Assert.Equal(XmlRpcNil.Instance, response!.Value);
    }

    private sealed class Trickle(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(1, buffer.Length)]);
    }
}
