using System.Buffers;
using System.Text;
using System.Xml.Linq;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.Vectors;

/// <summary>Calls: decoded, encoded, the same.</summary>
public sealed class XmlRpcRequestFolder : WireFolder
{
    public override string Folder => "xmlrpc/requests";

    public override string Pattern => "*.xml";

    public override void Run(byte[] message)
    {
        Assert.True(XmlRpcReader.TryReadCall(message, XmlRpcLimits.Default, out var call, out var refusal), refusal.ToString());
        var output = new ArrayBufferWriter<byte>();
        Assert.True(XmlRpcWriter.WriteCall(output, call!).IsNone);
        XmlRpcMessages.Same(message, output.WrittenSpan);
        Assert.True(XmlRpcReader.TryReadCall(output.WrittenSpan, XmlRpcLimits.Default, out var again, out refusal), refusal.ToString());
        Assert.Equal(call!.Method, again!.Method);
        Assert.Equal(call.Parameters, again.Parameters);
    }
}

/// <summary>Responses and faults: decoded, encoded, the same.</summary>
public sealed class XmlRpcResponseFolder : WireFolder
{
    public override string Folder => "xmlrpc/responses";

    public override string Pattern => "*.xml";

    public override void Run(byte[] message)
    {
        Assert.True(XmlRpcReader.TryReadResponse(message, XmlRpcLimits.Default, out var response, out var refusal), refusal.ToString());
        var output = new ArrayBufferWriter<byte>();
        if (response!.Fault is { } fault)
            XmlRpcWriter.WriteFault(output, fault);
        else
            Assert.True(XmlRpcWriter.WriteResponse(output, response.Value!).IsNone);
        XmlRpcMessages.Same(message, output.WrittenSpan);
        Assert.True(XmlRpcReader.TryReadResponse(output.WrittenSpan, XmlRpcLimits.Default, out var again, out refusal), refusal.ToString());
        Assert.Equal(response, again);
    }
}

internal static class XmlRpcMessages
{
    /// <summary>The same elements and texts; the same bytes where PHP wrote the original.</summary>
    public static void Same(ReadOnlySpan<byte> original, ReadOnlySpan<byte> written)
    {
        if (original.StartsWith("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<"u8))
            Assert.Equal(Encoding.UTF8.GetString(original), Encoding.UTF8.GetString(written));
        Assert.True(XNode.DeepEquals(Tree(original), Tree(written)), "other elements or texts");
    }

    // Without white space between elements; that within a text stays.
    private static XElement Tree(ReadOnlySpan<byte> xml) => XDocument.Parse(Encoding.UTF8.GetString(xml)).Root!;
}
