using System.Text;
using System.Xml;

namespace Redoubt.Core.XmlRpc;

/// <summary>
/// Reads calls and responses. Nothing of a message makes it throw, recurse, fetch or expand: no document type, no entities of the message's own,
/// every length and count bounded by <see cref="XmlRpcLimits"/>. Attributes, comments and processing instructions mean nothing.
/// </summary>
public static class XmlRpcReader
{
    /// <summary>Reads a call. On refusal <paramref name="call"/> is null and <paramref name="refusal"/> says why.</summary>
    public static bool TryReadCall(ReadOnlySpan<byte> xml, XmlRpcLimits limits, out XmlRpcCall? call, out XmlRpcRefusal refusal) =>
        TryReadCall(new MemoryStream(xml[..Capped(xml, limits)].ToArray(), writable: false), limits, out call, out refusal);

    /// <summary>Reads a call from a stream, without holding its bytes.</summary>
    public static bool TryReadCall(Stream xml, XmlRpcLimits limits, out XmlRpcCall? call, out XmlRpcRefusal refusal)
    {
        XmlRpcCall? read = null;
        refusal = Read(xml, limits, (ref XmlRpcParser parser) => parser.TryCall(out read));
        call = refusal.IsNone ? read : null;
        return refusal.IsNone;
    }

    /// <summary>Reads a response; what stands before the envelope is skipped. On refusal <paramref name="response"/> is null.</summary>
    public static bool TryReadResponse(ReadOnlySpan<byte> xml, XmlRpcLimits limits, out XmlRpcResponse? response, out XmlRpcRefusal refusal)
    {
        response = null;
        if (!TryFindEnvelope(xml, limits, out var start))
        {
            refusal = new XmlRpcRefusal(XmlRpcReason.NotXml, 0, "no methodResponse");
            return false;
        }
        XmlRpcResponse? read = null;
        xml = xml[start..];
        using var stream = new MemoryStream(xml[..Capped(xml, limits)].ToArray(), writable: false);
        refusal = Read(stream, limits, (ref XmlRpcParser parser) => parser.TryResponse(out read));
        response = refusal.IsNone ? read : null;
        return refusal.IsNone;
    }

    private delegate bool Envelope(ref XmlRpcParser parser);

    private static XmlRpcRefusal Read(Stream xml, XmlRpcLimits limits, Envelope envelope)
    {
        using var guard = new MarkupGuard(xml, limits);
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = limits.Bytes,
            MaxCharactersFromEntities = 1,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            using var reader = XmlReader.Create(guard, settings);
            var parser = new XmlRpcParser(reader, limits);
            var done = envelope(ref parser);
            // An early end that the guard made looks to the reader like a truncated message.
            return guard.Reason != XmlRpcReason.None ? Guarded(guard.Reason)
                : !done ? parser.Refusal
                : parser.IsDeclaredLatin1 && !guard.IsAscii
                    ? new XmlRpcRefusal(XmlRpcReason.Encoding, 0, "declared to be something else than UTF-8")
                : XmlRpcRefusal.None;
        }
        catch (XmlException e)
        {
            return guard.Reason != XmlRpcReason.None
                ? Guarded(guard.Reason)
                : new XmlRpcRefusal(XmlRpcReason.NotXml, e.LineNumber, "not well-formed XML");
        }
        catch (DecoderFallbackException)
        {
            return new XmlRpcRefusal(XmlRpcReason.Encoding, 0, "bytes that are not UTF-8");
        }
    }

    private static XmlRpcRefusal Guarded(XmlRpcReason reason) =>
        new(
            reason,
            0,
            reason switch
            {
                XmlRpcReason.TooLarge => "the message is larger than allowed",
                XmlRpcReason.LongTag => "a tag is longer than allowed",
                _ => "a document type is not allowed",
            }
        );

    // One byte more than allowed is enough to be refused for it.
    private static int Capped(ReadOnlySpan<byte> xml, XmlRpcLimits limits) => (int)Math.Min(xml.Length, limits.Bytes + 1L);

    private static bool TryFindEnvelope(ReadOnlySpan<byte> xml, XmlRpcLimits limits, out int start)
    {
        var head = xml[..Math.Min(xml.Length, limits.LeadingBytes)];
        start = head.IndexOf("<?xml"u8);
        if (start < 0)
            start = head.IndexOf("<methodResponse"u8);
        return start >= 0;
    }
}
