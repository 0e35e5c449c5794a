using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Pfsync;

namespace Redoubt.Cli;

/// <summary><c>decode carp|vrrp|pfsync</c>: offline. 0 when there was a packet of that protocol, whatever its verdict; else 1.</summary>
internal static class DecodeCommand
{
    private const int CaptureLimit = 256 << 20;
    private const int AddressLimit = 255;
    private const string Pfsync = "pfsync";

    public static Command Create(CallFactory calls) =>
        new("decode", "Says what is in a captured packet, and whether it would be accepted; asks no daemon")
        {
            Protocol(calls, "carp", "CARP, as of OpenBSD and FreeBSD"),
            Protocol(calls, "vrrp", "VRRP version 2 and 3"),
            Protocol(calls, Pfsync, "pfsync of FreeBSD (state formats 1301, 1400, 1500) and OpenBSD"),
        };

    private static Command Protocol(CallFactory calls, string protocol, string description)
    {
        var file = new Argument<string?>("FILE.pcap") { Description = "A capture (classic pcap)", Arity = ArgumentArity.ZeroOrOne };
        var hex = new Option<byte[]?>("--hex")
        {
            Description = "The bytes of one frame, packet or payload",
            HelpName = "H",
            CustomParser = result =>
            {
                var digits = string.Concat(result.Tokens[0].Value.Where(c => !char.IsWhiteSpace(c) && c is not (':' or '-')));
                try
                {
                    return Convert.FromHexString(digits.StartsWith("0x", StringComparison.Ordinal) ? digits[2..] : digits);
                }
                catch (FormatException)
                {
                    result.AddError("--hex: pairs of hexadecimal digits are expected");
                    return null;
                }
            },
        };
        var key = new Option<string?>("--key") { Description = "The passphrase, to check the digest", HelpName = "K" };
        var addresses = new Option<IPAddress[]>("--address")
        {
            Description = "A virtual address, to check the digest; repeat it for several",
            HelpName = "A",
            CustomParser = result =>
            {
                var list = new List<IPAddress>();
                foreach (var token in result.Tokens)
                {
                    var text = token.Value.Split('/')[0];
                    if (IPAddress.TryParse(text, out var address) && (text.Contains(':') || text.Count(c => c == '.') == 3))
                        list.Add(address);
                    else
                        result.AddError($"--address '{token.Value}': an IPv4 or IPv6 address is expected");
                }
                if (list.Count > AddressLimit)
                    result.AddError($"--address: at most {AddressLimit}");
                return [.. list];
            },
        };
        var ttl = new Option<int?>("--ttl") { Description = "TTL or hop limit, when the bytes hold no IP header", HelpName = "N" };
        ttl.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !byte.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                result.AddError("--ttl: a number from 0 to 255 is expected");
        });
        var ipv6 = new Option<bool>("--ipv6") { Description = "The bytes are a payload that came in IPv6" };
        var command = new Command(protocol, description) { file, hex, ttl };
        // A pfsync packet is signed by nobody, and its payload is the same in IPv4 and IPv6.
        var signed = protocol != Pfsync;
        if (signed)
        {
            command.Options.Add(key);
            command.Options.Add(addresses);
            command.Options.Add(ipv6);
        }
        command.Validators.Add(result =>
        {
            if (result.GetResult(hex) is null == result.GetValue(file) is null)
                result.AddError("either --hex H or one FILE.pcap is expected");
        });
        calls.Run(
            command,
            (call, parse, _) =>
            {
                var known = (signed ? parse.GetValue(addresses) : null) ?? [];
                var options = new DecoderOptions
                {
                    Key = signed ? parse.GetValue(key) : null,
                    IPv4Addresses = [.. known.Where(a => a.AddressFamily == AddressFamily.InterNetwork).Select(IpAddressValue.From)],
                    IPv6Addresses = [.. known.Where(a => a.AddressFamily == AddressFamily.InterNetworkV6).Select(IpAddressValue.From)],
                    Ttl = parse.GetValue(ttl),
                    IsIPv6 = signed && parse.GetValue(ipv6),
                };
                return Task.FromResult(
                    parse.GetResult(hex) is not null
                        ? Bytes(call, protocol, parse.GetRequiredValue(hex)!, options)
                        : Capture(call, protocol, parse.GetRequiredValue(file)!, options)
                );
            }
        );
        return command;
    }

    private static int Bytes(Call call, string protocol, byte[] bytes, DecoderOptions options)
    {
        var decoded = Decode(bytes, protocol, options);
        Show(call, decoded, null, null);
        return IsOf(decoded, protocol) ? CommandLine.Done : CommandLine.Failed;
    }

    private static int Capture(Call call, string protocol, string path, DecoderOptions options)
    {
        if (!InputFile.TryRead(path, CaptureLimit, out var bytes, out var why))
            return call.Fail(why);
        if (!PcapFile.TryOpen(bytes, out var capture))
            return call.Fail($"{path}: not a classic pcap file");
        // LINKTYPE_*: Ethernet and raw IP are seen from the bytes; the cooked headers of `tcpdump -i any` are cut off.
        int? header = capture.LinkType switch
        {
            PcapFile.LinkEthernet or 12 or 14 or 101 => 0,
            113 => 16, // LINUX_SLL
            276 => 20, // LINUX_SLL2
            _ => null,
        };
        if (header is null)
            return call.Fail($"{path}: link type {capture.LinkType} is not known here");
        var (number, shown) = (0, 0);
        while (capture.MoveNext())
        {
            number++;
            if (capture.Packet.Length < header || (capture.LinkType == PcapFile.LinkEthernet && !CarriesIp(capture.Packet)))
                continue;
            var decoded = Decode(capture.Packet[header.Value..], protocol, options);
            if (!IsOf(decoded, protocol))
                continue;
            shown++;
            Show(call, decoded, number, DateTimeOffset.UnixEpoch.AddTicks(capture.Nanoseconds / 100));
        }
        if (capture.IsDamaged)
            call.Error.WriteLine(Plain.Text($"redoubt: {path}: damaged or cut short after packet {number}"));
        if (shown == 0)
            return call.Fail($"{path}: none of {number} packets is {protocol}");
        if (!call.Json)
            call.Output.WriteLine($"{shown} of {number} packets are {protocol}");
        return CommandLine.Done;
    }

    private static DecodedAdvertisement Decode(ReadOnlySpan<byte> bytes, string protocol, DecoderOptions options) =>
        protocol == Pfsync ? PfsyncDecoder.Decode(bytes, options) : AdvertisementDecoder.Decode(bytes, options);

    // The decoder takes a frame of another kind, an ARP request for one, for a bare payload: it cannot know that these are frames.
    private static bool CarriesIp(ReadOnlySpan<byte> frame)
    {
        var at = 12;
        while (frame.Length >= at + 2)
        {
            switch (BinaryPrimitives.ReadUInt16BigEndian(frame[at..]))
            {
                case 0x8100 or 0x88a8: // 802.1Q, 802.1ad
                    at += 4;
                    continue;
                case 0x0800 or 0x86dd: // IPv4, IPv6
                    return true;
                default:
                    return false;
            }
        }
        return false;
    }

    private static bool IsOf(DecodedAdvertisement decoded, string protocol) =>
        decoded.Protocol.StartsWith(protocol, StringComparison.Ordinal);

    private static void Show(Call call, DecodedAdvertisement decoded, int? number, DateTimeOffset? time)
    {
        var at = time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        if (call.Json)
        {
            var fields = new Dictionary<string, string>();
            foreach (var field in decoded.Fields)
            {
                var name = field.Name;
                for (var i = 2; !fields.TryAdd(name, field.Value); i++)
                    name = $"{field.Name} {i}";
            }
            var packet = new DecodedPacket(number, at, decoded.Protocol, decoded.IsValid, decoded.Verdict, fields);
            call.Output.WriteLine(JsonSerializer.Serialize(packet, CliJson.Default.DecodedPacket));
            return;
        }
        var which = number is null ? "" : $"packet {number}, {at}: ";
        call.Output.WriteLine(Plain.Text($"{which}{decoded.Protocol}: {decoded.Verdict}"));
        var width = decoded.Fields.IsEmpty ? 0 : decoded.Fields.Max(f => f.Name.Length);
        foreach (var field in decoded.Fields)
            call.Output.WriteLine(Plain.Text($"  {field.Name.PadRight(width)}  {field.Value}"));
    }
}
