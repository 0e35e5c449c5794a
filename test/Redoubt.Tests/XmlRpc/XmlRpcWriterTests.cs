using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.XmlRpc;

public sealed class XmlRpcWriterTests
{
    private static string Written(XmlRpcValue value)
    {
        var output = new ArrayBufferWriter<byte>();
        var refusal = XmlRpcWriter.WriteResponse(output, value);
        Assert.True(refusal.IsNone, refusal.ToString());
        var text = Encoding.UTF8.GetString(output.WrittenSpan);
        var start = text.IndexOf("<value>", StringComparison.Ordinal);
        return text[start..text.IndexOf("</param>", StringComparison.Ordinal)];
    }

    [Fact]
    public void Values_look_as_php_writes_them()
    {
        Assert.Equal("<value><string></string></value>", Written(XmlRpcString.Empty));
        Assert.Equal("<value><string>a &amp; &lt;b&gt; \"'\u00e4\t\n</string></value>", Written(new XmlRpcString("a & <b> \"'ä\t\n")));
        Assert.Equal("<value><int>2147483647</int></value>", Written(new XmlRpcInt(2147483647)));
        Assert.Equal("<value><i8>2147483648</i8></value>", Written(new XmlRpcInt(2147483648)));
        Assert.Equal("<value><i8>1</i8></value>", Written(new XmlRpcInt(1, IsI8: true)));
        Assert.Equal("<value><boolean>0</boolean></value>", Written(XmlRpcBoolean.False));
        Assert.Equal("<value><double>0.1</double></value>", Written(new XmlRpcDouble(0.1)));
        Assert.Equal("<value><nil/></value>", Written(XmlRpcNil.Instance));
        Assert.Equal("<value><base64>AQI=</base64></value>", Written(new XmlRpcBase64([1, 2])));
        Assert.Equal("<value><array><data></data></array></value>", Written(XmlRpcArray.Empty));
        Assert.Equal("<value><struct></struct></value>", Written(new XmlRpcStruct([])));
        Assert.Equal(
            "<value><struct><member><name>a&amp;</name><value><array><data><value><nil/></value></data></array></value></member></struct></value>",
            Written(new XmlRpcStruct([new("a&", new XmlRpcArray([XmlRpcNil.Instance]))]))
        );
    }

    [Fact]
    public void Text_that_xml_cannot_carry_is_refused()
    {
        // Not as theory data: attributes are stored in UTF-8, which has no lone surrogates.
        foreach (var text in new[] { "\0", "\u001f", "a\ud800", "\udc00b", "\ud800\ud800", "\ufffe", "x\uffff" })
        {
            var output = new ArrayBufferWriter<byte>();
            Assert.Equal(XmlRpcReason.UnwritableText, XmlRpcWriter.WriteResponse(output, new XmlRpcString(text)).Reason);
            var named = new XmlRpcStruct([new(text, XmlRpcNil.Instance)]);
            Assert.Equal(XmlRpcReason.UnwritableText, XmlRpcWriter.WriteResponse(output, named).Reason);
            Assert.Equal(XmlRpcReason.UnwritableText, XmlRpcWriter.WriteCall(output, text).Reason);
        }
    }

    [Fact]
    public void A_fault_is_written_whatever_its_text_is()
    {
        var output = new ArrayBufferWriter<byte>();
        XmlRpcWriter.WriteFault(output, new XmlRpcFault(-32500, "no\0 \ud800\n<x>"));
        Assert.True(
            XmlRpcReader.TryReadResponse(output.WrittenSpan, XmlRpcLimits.Default, out var response, out var refusal),
            refusal.ToString()
        );
        Assert.Equal(new XmlRpcFault(-32500, "no\ufffd \ufffd\n<x>"), response!.Fault);
    }

    [Fact]
    public void A_number_that_is_not_finite_is_refused() =>
        Assert.Equal(
            XmlRpcReason.UnwritableText,
            XmlRpcWriter.WriteResponse(new ArrayBufferWriter<byte>(), new XmlRpcDouble(double.NaN)).Reason
        );

    [Fact]
    public void What_no_reader_would_take_is_not_written()
    {
        XmlRpcValue value = XmlRpcNil.Instance;
        for (var depth = 1; depth < 64; depth++)
            value = new XmlRpcArray([value]);
        Assert.True(XmlRpcWriter.WriteResponse(new ArrayBufferWriter<byte>(), value).IsNone);
        for (var depth = 0; depth < 100_000; depth++)
            value = new XmlRpcArray([value]);
        Assert.Equal(XmlRpcReason.TooDeep, XmlRpcWriter.WriteResponse(new ArrayBufferWriter<byte>(), value).Reason);
    }

    [Theory]
    [InlineData("0,1,2", true)]
    [InlineData("1,2,3", true)]
    [InlineData("0", true)]
    [InlineData("1", true)]
    [InlineData("0,2", false)]
    [InlineData("2,3", false)]
    [InlineData("1,0", false)]
    [InlineData("00,01", false)]
    [InlineData("0,1,x", false)]
    [InlineData("-1,0", false)]
    public void Keys_decide_between_list_and_struct(string keys, bool isList)
    {
        ImmutableArray<XmlRpcMember> members = [.. keys.Split(',').Select(k => new XmlRpcMember(k, new XmlRpcString(k)))];
        Assert.Equal(isList, XmlRpcShapes.FromKeys(members) is XmlRpcArray);
    }

    [Fact]
    public void A_list_is_read_in_all_its_spellings()
    {
        ImmutableArray<XmlRpcValue> items = [new XmlRpcString("a"), new XmlRpcString("b")];
        Assert.True(XmlRpcShapes.TryReadList(new XmlRpcArray(items), out var read));
        Assert.Equal(items, read);
        Assert.True(XmlRpcShapes.TryReadList(new XmlRpcStruct([new("2", items[0]), new("9", items[1])]), out read));
        Assert.Equal(items, read);
        Assert.True(XmlRpcShapes.TryReadList(XmlRpcString.Empty, out read) && read.IsEmpty);
        Assert.Equal(XmlRpcArray.Empty, XmlRpcShapes.FromKeys([]));
        Assert.False(XmlRpcShapes.TryReadList(new XmlRpcStruct([new("2", items[0]), new("x", items[1])]), out _));
        Assert.False(XmlRpcShapes.TryReadList(new XmlRpcString("x"), out _));
    }
}
