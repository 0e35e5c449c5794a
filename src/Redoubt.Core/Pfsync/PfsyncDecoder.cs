using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using Redoubt.Core.Carp;

namespace Redoubt.Core.Pfsync;

/// <summary>Says what is in an Ethernet frame, an IP packet or a bare payload of pfsync (IP protocol 240). Never throws on any bytes.</summary>
public static class PfsyncDecoder
{
    private const int IPv4Header = 20;
    private const int IPv6Header = 40;

    /// <summary>Decodes; the version is seen from the bytes, the TTL of a bare payload is taken from the options.</summary>
    public static DecodedAdvertisement Decode(ReadOnlySpan<byte> bytes, DecoderOptions options)
    {
        var fields = ImmutableArray.CreateBuilder<DecodedField>();
        if (AdvertisementDecoder.TryEthernet(bytes, fields, out var packet))
            bytes = packet;
        if (bytes.Length >= IPv4Header && bytes[0] >> 4 == 4)
            return IPv4(bytes, fields);
        if (bytes.Length >= IPv6Header && bytes[0] >> 4 == 6)
            return IPv6(bytes, fields);
        return packet.IsEmpty ? Payload(bytes, options.Ttl ?? -1, fields) : AdvertisementDecoder.Other("neither IPv4 nor IPv6", fields);
    }

    private static DecodedAdvertisement IPv4(ReadOnlySpan<byte> packet, ImmutableArray<DecodedField>.Builder fields)
    {
        var header = (packet[0] & 0xf) * 4;
        var total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        var (source, destination) = (IpAddressValue.Read(packet.Slice(12, 4)), IpAddressValue.Read(packet.Slice(16, 4)));
        AdvertisementDecoder.AddIp(fields, false, source, destination, packet[8], packet[1]);
        if (header < IPv4Header || total < header || total > packet.Length)
            return AdvertisementDecoder.Other("IPv4 header: impossible length", fields);
        if (InternetChecksum.Of(packet[..header]) != 0)
            return AdvertisementDecoder.Other("IPv4 header: bad checksum", fields);
        if ((BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff) != 0)
            return AdvertisementDecoder.Other("IPv4 fragment", fields);
        return packet[9] == PfPacketReader.Protocol
            ? Payload(packet[header..total], packet[8], fields)
            : AdvertisementDecoder.Other($"IP protocol {packet[9]}, not {PfPacketReader.Protocol}", fields);
    }

    private static DecodedAdvertisement IPv6(ReadOnlySpan<byte> packet, ImmutableArray<DecodedField>.Builder fields)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        var (source, destination) = (IpAddressValue.Read(packet.Slice(8, 16)), IpAddressValue.Read(packet.Slice(24, 16)));
        var trafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4);
        AdvertisementDecoder.AddIp(fields, true, source, destination, packet[7], trafficClass);
        if (length > packet.Length - IPv6Header)
            return AdvertisementDecoder.Other("IPv6 header: impossible length", fields);
        return packet[6] == PfPacketReader.Protocol
            ? Payload(packet.Slice(IPv6Header, length), packet[7], fields)
            : AdvertisementDecoder.Other($"IP protocol {packet[6]}, not {PfPacketReader.Protocol}", fields);
    }

    private static DecodedAdvertisement Payload(ReadOnlySpan<byte> payload, int ttl, ImmutableArray<DecodedField>.Builder fields)
    {
        var flavour = payload.Length > 0 && payload[0] == PfFlavour.OpenBsd.Version() ? PfFlavour.OpenBsd : PfFlavour.FreeBsd;
        var reader = new PfPacketReader(payload, flavour, ttl);
        if (!reader.Header.IsEmpty)
        {
            fields.Add(new("version", Text(payload[0])));
            fields.Add(new("length", Text(BinaryPrimitives.ReadUInt16BigEndian(payload[2..]))));
            fields.Add(new("ruleset checksum", Convert.ToHexStringLower(payload[4..PfPacketReader.HeaderLength])));
        }
        for (var section = 1; reader.MoveSection(); section++)
        {
            var what = $"{reader.Action.Name} ({reader.Action.Number}), {reader.Count} of {reader.MessageSize} bytes at {reader.Offset}";
            fields.Add(new($"section {section}", what));
            for (var message = 1; reader.MoveMessage(); message++)
            {
                foreach (var (name, value) in PfFields.Of(flavour, reader.Action, reader.Message))
                    fields.Add(new($"{section}.{message} {name}", value));
                if (reader.Action.Layout is { } layout && reader.MessageRejection == PfRejection.None)
                    fields.Add(new($"{section}.{message} flow", Flow(layout, reader.Message)));
                fields.Add(new($"{section}.{message} verdict", reader.MessageRejection.Text()));
            }
        }
        var verdict =
            reader.Rejection == PfRejection.None && ttl < 0 ? "accepted, TTL not checked"
            : reader.Rejection.IsPartial() || reader.Accepted > 0 && reader.Rejection != PfRejection.None
                ? $"{reader.Rejection.Text()}, {reader.Accepted} messages accepted"
            : reader.Rejection.Text();
        return new("pfsync", reader.Rejection == PfRejection.None, verdict, fields.ToImmutable());
    }

    private static string Flow(PfStateLayout layout, ReadOnlySpan<byte> message)
    {
        layout.Read(message, out var state);
        var ends = PfEndpoints.Of(state);
        var text = $"{End(ends.Initiator, ends.Family)} -> {End(ends.Responder, ends.Family)}";
        return (ends.TranslatedInitiator, ends.TranslatedResponder) == (ends.Initiator, ends.Responder)
            ? text
            : $"{text}, translated {End(ends.TranslatedInitiator, ends.TranslatedFamily)} -> {End(ends.TranslatedResponder, ends.TranslatedFamily)}";
    }

    private static string End(PfEndpoint end, byte family) =>
        family == PfFlavourNumbers.FamilyIPv4
            ? $"{end.Address.ToIPAddress(AddressFamily.InterNetwork)}:{end.Port}"
            : $"[{end.Address.ToIPAddress(AddressFamily.InterNetworkV6)}]:{end.Port}";

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
