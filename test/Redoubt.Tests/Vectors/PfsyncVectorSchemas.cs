using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Redoubt.Core.Pfsync;

namespace Redoubt.Tests.Vectors;

public abstract class PfsyncVectorSchema : VectorSchema
{
    protected static PfFlavour Flavour(JsonElement element) =>
        Text(element, "flavour") switch
        {
            "freebsd" => PfFlavour.FreeBsd,
            "openbsd" => PfFlavour.OpenBsd,
            var other => throw new InvalidDataException($"unknown flavour {other}"),
        };

    /// <summary>The bytes that the decoded form of a message gives.</summary>
    protected static byte[] Encode(PfFlavour flavour, PfAction action, ReadOnlySpan<byte> message)
    {
        var bytes = new byte[action.Size];
        switch (action.Kind)
        {
            case PfKind.Clear:
                PfClear.Read(message).Write(bytes);
                break;
            case PfKind.InsertAck or PfKind.UpdateRequest or PfKind.DeleteCompressed:
                PfReference.Read(message).Write(bytes);
                break;
            case PfKind.UpdateCompressed:
                PfUpdate.Read(message, flavour).Write(bytes, flavour);
                break;
            case PfKind.Bulk:
                PfBulk.Read(message).Write(bytes);
                break;
            case PfKind.Tdb:
                PfTdb.Read(message, flavour).Write(bytes, flavour);
                break;
            case PfKind.Insert or PfKind.Update or PfKind.Delete:
                action.Layout!.Read(message, out var state);
                action.Layout.Write(bytes, state);
                break;
            default:
                return message.ToArray();
        }
        return bytes;
    }
}

public sealed class PfsyncPacketSchema : PfsyncVectorSchema
{
    public override string Name => "pfsync-vectors/1";

    private sealed record Section(int Offset, PfAction Action, int Count, int Size, int Words, List<byte[]> Messages);

    public override void Run(JsonElement vector)
    {
        var flavour = Flavour(vector);
        var payload = Hex(vector, "payload");
        var transport = vector.GetProperty("transport");
        Assert.Equal(vector.GetProperty("payload_length").GetInt32(), payload.Length);
        Assert.Equal(PfPacketReader.Protocol, transport.GetProperty("proto").GetByte());
        var reader = new PfPacketReader(payload, flavour, transport.GetProperty("ttl").GetInt32());
        var sections = new List<Section>();
        while (reader.MoveSection())
        {
            var words = flavour == PfFlavour.OpenBsd ? payload[reader.Offset + 1] : 0;
            sections.Add(new(reader.Offset, reader.Action, reader.Count, reader.MessageSize, words, []));
            while (reader.MoveMessage())
                sections[^1].Messages.Add(reader.Message.ToArray());
        }
        Verdict(vector, reader);
        if (vector.TryGetProperty("header", out var header) && header.ValueKind == JsonValueKind.Object)
            Header(header, payload);
        if (vector.TryGetProperty("subheaders", out var listed) && listed.ValueKind == JsonValueKind.Array)
        {
            // A refused packet lists its well-formed beginning only.
            var all = Text(vector, "category") == "valid";
            Assert.True(all ? listed.GetArrayLength() == sections.Count : listed.GetArrayLength() <= sections.Count, "sections");
            foreach (var (expected, actual) in listed.EnumerateArray().Zip(sections))
                Compare(flavour, expected, actual);
        }
        if (vector.TryGetProperty("semantics", out var semantics))
            Semantics(semantics, sections);
        if (vector.TryGetProperty("extra_bytes_per_message", out var extra))
            Assert.Contains(sections, s => s.Size == s.Action.Size + extra.GetInt32());
        if (vector.TryGetProperty("trailer", out var trailer))
        {
            var offset = BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(2));
            Assert.Equal(trailer.GetProperty("offset").GetInt32(), offset);
            Same(Hex(trailer, "hex"), payload.AsSpan(offset));
        }
        if (vector.GetProperty("roundtrip").GetBoolean())
            Same(payload, Rebuild(flavour, payload, sections));
    }

    private static void Verdict(JsonElement vector, in PfPacketReader reader)
    {
        var outcome =
            reader.Rejection == PfRejection.None ? "ok"
            : reader.Accepted > 0 || reader.Rejection.IsPartial() ? "partial"
            : "drop";
        Assert.Equal(Text(vector, "outcome"), outcome);
        if (Text(vector, "category") == "valid")
        {
            Assert.Equal(PfRejection.None, reader.Rejection);
            return;
        }
        var strict = vector.GetProperty("expect").GetProperty("strict");
        Assert.Equal(strict.GetProperty("reason").GetString() ?? "accepted", reader.Rejection.Text());
        Assert.Equal(strict.GetProperty("messages_processed").GetInt32(), reader.Accepted);
    }

    private static void Header(JsonElement header, byte[] payload)
    {
        Assert.Equal(Byte(header, "version"), payload[0]);
        Assert.Equal(Byte(header, "pad"), payload[1]);
        Assert.Equal(header.GetProperty("len").GetInt32(), BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(2)));
        Same(Hex(header, "pfcksum"), payload.AsSpan(4, 16));
    }

    private static void Compare(PfFlavour flavour, JsonElement expected, Section actual)
    {
        Assert.Equal(expected.GetProperty("offset").GetInt32(), actual.Offset);
        Assert.Equal(Byte(expected, "action"), actual.Action.Number);
        Assert.Equal(Text(expected, "action_name"), actual.Action.Name);
        Assert.Equal(expected.GetProperty("count").GetInt32(), actual.Count);
        Assert.Equal(expected.GetProperty("message_size").GetInt32(), actual.Size);
        if (expected.TryGetProperty("len_dwords", out var words))
            Assert.Equal(words.GetInt32(), actual.Words);
        var messages = expected.GetProperty("messages");
        Assert.Equal(messages.GetArrayLength(), actual.Messages.Count);
        foreach (var (listed, message) in messages.EnumerateArray().Zip(actual.Messages))
        {
            var fields = PfFields.Of(flavour, actual.Action, message).ToDictionary(f => f.Name, f => f.Value);
            var named = Flatten(listed, "").ToDictionary(f => f.Name, f => f.Value);
            foreach (var (name, value) in named)
                Assert.True(fields.TryGetValue(name, out var text) && IsSame(value, text), $"{name}: {value}, not {text}");
            // The counter of updates is unused and the lists leave it out.
            Assert.DoesNotContain(fields.Keys, name => name != "updates" && !named.ContainsKey(name) && !named.ContainsKey($"{name}.0"));
        }
    }

    private static bool IsSame(string expected, string actual) =>
        expected == actual || (IPAddress.TryParse(expected, out var a) && IPAddress.TryParse(actual, out var b) && a.Equals(b));

    private static IEnumerable<(string Name, string Value)> Flatten(JsonElement element, string prefix)
    {
        var inner = element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Select(p => (p.Name, p.Value)),
            JsonValueKind.Array => element.EnumerateArray().Select((v, i) => (i.ToString(CultureInfo.InvariantCulture), v)),
            _ => null,
        };
        return inner is null
            ? [(prefix, element.ValueKind == JsonValueKind.Null ? "" : element.ToString())]
            : inner.SelectMany(p => Flatten(p.Item2, prefix.Length == 0 ? p.Item1 : $"{prefix}.{p.Item1}"));
    }

    private static void Semantics(JsonElement semantics, List<Section> sections)
    {
        var states = sections
            .SelectMany((s, i) => s.Action.Layout is null ? [] : s.Messages.Select(m => (Section: i, s.Action.Layout, Message: m)))
            .ToList();
        Assert.Equal(states.Count, semantics.GetArrayLength());
        foreach (var (expected, actual) in semantics.EnumerateArray().Zip(states))
        {
            Assert.Equal(expected.GetProperty("subheader").GetInt32(), actual.Section);
            actual.Layout!.Read(actual.Message, out var state);
            var ends = PfEndpoints.Of(state);
            foreach (var field in expected.GetProperty("state").EnumerateObject())
            {
                var v = field.Value;
                if (field.Name.StartsWith("conntrack_", StringComparison.Ordinal))
                {
                    var (from, to) =
                        field.Name == "conntrack_orig" ? (ends.Initiator, ends.Responder)
                        : field.Name == "conntrack_reply" ? (ends.TranslatedResponder, ends.TranslatedInitiator)
                        : throw new InvalidDataException(field.Name);
                    Assert.Equal(new PfEndpoint(Address(Text(v, "src")), v.GetProperty("sport").GetUInt16()), from);
                    Assert.Equal(new PfEndpoint(Address(Text(v, "dst")), v.GetProperty("dport").GetUInt16()), to);
                    continue;
                }
                var end = field.Name switch
                {
                    "initiator" => ends.Initiator,
                    "responder" => ends.Responder,
                    "translated_initiator" => ends.TranslatedInitiator,
                    "translated_responder" => ends.TranslatedResponder,
                    _ => throw new InvalidDataException(field.Name),
                };
                Assert.Equal(new PfEndpoint(Address(Text(v, "addr")), v.GetProperty("port").GetUInt16()), end);
            }
        }
    }

    private static byte[] Rebuild(PfFlavour flavour, byte[] payload, List<Section> sections)
    {
        var buffer = new byte[payload.Length + 64];
        var writer = new PfPacketWriter(buffer, flavour, buffer.Length) { JoinsOldStates = true };
        foreach (var section in sections.Where(s => s.Action.Kind != PfKind.End || flavour == PfFlavour.OpenBsd))
        {
            var action = section.Action.Kind == PfKind.Unknown ? section.Action with { Size = section.Size } : section.Action;
            Assert.True(writer.BeginSection(buffer, action));
            foreach (var message in section.Messages)
                Encode(flavour, action, message).CopyTo(writer.Append(buffer, action));
            if (section.Action.Kind == PfKind.End)
                BinaryPrimitives.WriteUInt16BigEndian(buffer.AsSpan(writer.Length - 2), (ushort)section.Count);
        }
        // The checksum of a ruleset that is not ours.
        payload.AsSpan(4, 16).CopyTo(buffer.AsSpan(4));
        return buffer[..writer.Finish(buffer)];
    }
}

/// <summary>Offsets as a C compiler tells them: every field is set alone and has to be found under its name.</summary>
public sealed class PfsyncLayoutSchema : PfsyncVectorSchema
{
    public override string Name => "pfsync-layouts/1";

    public override IEnumerable<JsonElement> Elements(JsonElement root) =>
        root.EnumerateObject()
            .Where(p => p.Value.ValueKind == JsonValueKind.Object)
            .SelectMany(p =>
                p.Value.EnumerateObject()
                    .Select(s =>
                        JsonSerializer.SerializeToElement(
                            new
                            {
                                id = $"{p.Name}/{s.Name}",
                                flavour = p.Name,
                                name = s.Name,
                                layout = s.Value,
                            }
                        )
                    )
            );

    public override void Run(JsonElement vector)
    {
        var flavour = Flavour(vector);
        var layout = vector.GetProperty("layout");
        var size = layout.GetProperty("size").GetInt32();
        var name = Text(vector, "name");
        if (name is "pfsync_header" or "pfsync_subheader")
        {
            Frame(flavour, name, size, layout.GetProperty("fields"));
            return;
        }
        var actionName = name switch
        {
            "pfsync_state" => "INS",
            _ when name.StartsWith("pfsync_state_", StringComparison.Ordinal) => $"INS_{name[13..]}",
            _ => name[7..].ToUpperInvariant(),
        };
        var action = Enumerable.Range(0, 256).Select(n => PfAction.Of(flavour, (byte)n)).Single(a => a.Name == actionName);
        Assert.Equal(action.Size, size);
        foreach (var field in layout.GetProperty("fields").EnumerateArray())
            Field(flavour, action, layout.GetProperty("fields"), field);
    }

    private static void Field(PfFlavour flavour, PfAction action, JsonElement all, JsonElement field)
    {
        var (name, offset, size, type) = (
            Text(field, "name"),
            field.GetProperty("offset").GetInt32(),
            field.GetProperty("size").GetInt32(),
            Text(field, "type")
        );
        var message = new byte[action.Size];
        // Addresses are read by their family: that of all keys is IPv6 unless an IPv4 slot is looked at.
        foreach (var other in all.EnumerateArray())
            if (
                Text(other, "name") is var n
                && (n is "af" or "rt_af" or "wire_af" or "stack_af" or "dst.family" || n.EndsWith(".af", StringComparison.Ordinal))
            )
                message[other.GetProperty("offset").GetInt32()] = type == "ipv4" ? (byte)2 : flavour.FamilyIPv6();
        var bytes = message.AsSpan(offset, size);
        for (var i = 0; i < size; i++)
            bytes[i] = (byte)('A' + (i % 26));
        string? expected;
        var unused = name.EndsWith("pad", StringComparison.Ordinal) || name == "spare";
        switch (unused ? "pad" : type)
        {
            case "u8":
                expected = bytes[0].ToString(CultureInfo.InvariantCulture);
                break;
            case "u16be":
                expected = BinaryPrimitives.ReadUInt16BigEndian(bytes).ToString(CultureInfo.InvariantCulture);
                break;
            case "i32be":
                expected = BinaryPrimitives.ReadInt32BigEndian(bytes).ToString(CultureInfo.InvariantCulture);
                break;
            case "u32be" when name == "creatorid":
            case "u64be" when name == "id":
                expected = Convert.ToHexStringLower(bytes);
                break;
            case "u32be":
                expected = BinaryPrimitives.ReadUInt32BigEndian(bytes).ToString(CultureInfo.InvariantCulture);
                break;
            case "u64be":
                expected = BinaryPrimitives.ReadUInt64BigEndian(bytes).ToString(CultureInfo.InvariantCulture);
                break;
            case "addr16" or "ipv6" or "ipv4":
                expected = new IPAddress(bytes).ToString();
                break;
            case "char[]":
                bytes[^1] = 0;
                expected = Encoding.ASCII.GetString(bytes[..^1]);
                break;
            case "pad":
                expected = null;
                break;
            default:
                throw new InvalidDataException($"unknown type {type}");
        }
        var fields = PfFields.Of(flavour, action, message).ToDictionary(f => f.Name, f => f.Value);
        if (expected is null)
        {
            bytes.Clear();
            Assert.Equal(PfFields.Of(flavour, action, message), fields.Select(f => (f.Key, f.Value)));
            return;
        }
        // A family that is set to nonsense is still shown; the addresses beside it are then anything.
        Assert.True(fields.TryGetValue(OurName(name), out var actual), name);
        Assert.Equal((name, expected), (name, actual));
        Same(message, Encode(flavour, action, message));
    }

    private static string OurName(string name)
    {
        name = name.Replace("key0.", "wire.", StringComparison.Ordinal).Replace("key1.", "stack.", StringComparison.Ordinal);
        return name is "dst.addr4" or "dst.addr6" ? "dst.addr"
            : name[^1] is '0' or '1' ? $"{name[..^1]}.{name[^1]}"
            : name;
    }

    private static void Frame(PfFlavour flavour, string name, int size, JsonElement fields)
    {
        Assert.Equal(name == "pfsync_header" ? PfPacketReader.HeaderLength : PfPacketReader.SubheaderLength, size);
        foreach (var field in fields.EnumerateArray())
        {
            var start = name == "pfsync_header" ? 0 : PfPacketReader.HeaderLength;
            var packet = new byte[1200];
            var writer = new PfPacketWriter(packet, flavour, packet.Length);
            new PfReference(1, 2).Write(writer.Append(packet, PfAction.Of(flavour, PfKind.DeleteCompressed)!));
            writer.Finish(packet);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), 1200);
            var offset = start + field.GetProperty("offset").GetInt32();
            packet.AsSpan(offset, field.GetProperty("size").GetInt32()).Fill(4);
            var reader = new PfPacketReader(packet, flavour, 255);
            var moved = reader.MoveSection();
            switch (Text(field, "name"))
            {
                case "version":
                    Assert.Equal(PfRejection.BadVersion, reader.Rejection);
                    break;
                case "len" when start == 0:
                    Assert.Equal(1028 - packet.Length < 0, moved);
                    Assert.Equal(0x0404, BinaryPrimitives.ReadUInt16BigEndian(reader.Header[2..]));
                    break;
                case "action":
                    // UPD_C: in v6 the announced 12 bytes are too few for one.
                    Assert.Equal(flavour == PfFlavour.OpenBsd ? PfRejection.MessageTooSmall : PfRejection.None, reader.Rejection);
                    Assert.True(flavour == PfFlavour.OpenBsd || reader.Action.Number == 4);
                    break;
                case "count":
                    Assert.Equal(0x0404, reader.Count);
                    break;
                case "len":
                    Assert.Equal(16, reader.MessageSize);
                    break;
                case "pad" or "pfcksum":
                    Assert.True(moved && reader.MoveMessage() && reader.Action.Kind == PfKind.DeleteCompressed && reader.Count == 1);
                    break;
                case var other:
                    throw new InvalidDataException($"unknown field {other}");
            }
        }
    }
}
