using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Netlink;
using static Redoubt.Linux.Conntrack.ConntrackAttribute;

namespace Redoubt.Linux.Conntrack;

/// <remarks>This part reads and writes expected flows.<code>
/// expectation = MASTER | TUPLE | MASK | TIMEOUT | FLAGS | CLASS | HELP_NAME | [NAT { DIR TUPLE }] | [FN] | [ZONE]     numbers big endian
/// </code></remarks>
public static partial class ConntrackMessage
{
    /// <summary>
    /// Reads an expected flow from an event. False for anything else, for one without a helper's name, and for one whose translation has a
    /// function we do not know.
    /// </summary>
    public static bool TryReadExpectation(NetlinkMessage message, out ExpectedFlow flow)
    {
        flow = default;
        var body = message.Body;
        if (message.Type >> 8 != NFNL_SUBSYS_CTNETLINK_EXP || body.Length < HeaderLength || body[0] is not (2 or 10))
            return false;
        var family = body[0];
        ushort zone = 0;
        var read = default(ExpectedFlow);
        var attributes = new NetlinkAttributes(body[HeaderLength..]);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_EXPECT_MASTER when TryReadTuple(attribute.Value, family, out var master):
                    read = read with { Master = master };
                    break;
                case CTA_EXPECT_TUPLE when TryReadTuple(attribute.Value, family, out var tuple):
                    read = read with { Tuple = tuple };
                    break;
                case CTA_EXPECT_MASK when TryReadTuple(attribute.Value, family, out var mask):
                    read = read with { MaskSource = mask.Source, MaskPort = mask.SourcePort };
                    break;
                case CTA_EXPECT_TIMEOUT:
                    read = read with { TimeoutSeconds = attribute.UInt32BE };
                    break;
                case CTA_EXPECT_FLAGS:
                    read = read with { Flags = attribute.UInt32BE };
                    break;
                case CTA_EXPECT_CLASS:
                    read = read with { Class = (byte)Math.Min(attribute.UInt32BE, byte.MaxValue) };
                    break;
                case CTA_EXPECT_ZONE:
                    zone = attribute.UInt16BE;
                    break;
                case CTA_EXPECT_HELP_NAME when HelperName.TryRead(attribute.Value, out var helper):
                    read = read with { Helper = helper };
                    break;
                case CTA_EXPECT_FN:
                    if (FunctionOf(attribute.Value) is not { } function)
                        return false;
                    read = read with { Function = function };
                    break;
                case CTA_EXPECT_NAT when !TryReadNat(attribute.Value, family, ref read):
                case CTA_EXPECT_MASTER or CTA_EXPECT_TUPLE or CTA_EXPECT_MASK:
                    return false;
            }
        }
        if (attributes.IsMalformed || read.Master.Family == 0 || read.Tuple.Family == 0 || read.Helper.IsEmpty)
            return false;
        flow = read with { Master = read.Master with { Zone = zone }, Tuple = read.Tuple with { Zone = zone } };
        return true;
    }

    /// <summary>Writes the request that has the kernel expect a flow; its master must be in the table and have that helper.</summary>
    public static void WriteExpect(ref NetlinkWriter writer, in ExpectedFlow flow, NetlinkFlags flags, uint sequence)
    {
        BeginExpectation(ref writer, IPCTNL_MSG_EXP_NEW, flags | NetlinkFlags.Request | NetlinkFlags.Create, sequence, flow);
        WriteTuple(ref writer, CTA_EXPECT_MASTER, flow.Master with { Zone = 0 }, 0);
        WriteTuple(ref writer, CTA_EXPECT_TUPLE, flow.Tuple, 0);
        // The kernel demands every part of a mask and uses those of the source.
        var all = new IpAddressValue(ulong.MaxValue, ulong.MaxValue);
        var mask = flow.Tuple with
        {
            Source = flow.MaskSource,
            SourcePort = flow.MaskPort,
            Destination = flow.Tuple.Family == 2 ? new IpAddressValue(0, uint.MaxValue) : all,
            DestinationPort = ushort.MaxValue,
        };
        WriteTuple(ref writer, CTA_EXPECT_MASK, mask, 0);
        writer.PutUInt32BE(CTA_EXPECT_TIMEOUT, Math.Clamp(flow.TimeoutSeconds, 1, ConntrackLimits.MaxTimeoutSeconds));
        writer.PutUInt32BE(CTA_EXPECT_FLAGS, flow.Flags);
        writer.PutUInt32BE(CTA_EXPECT_CLASS, flow.Class);
        flow.Helper.Write(writer.PutSpace(CTA_EXPECT_HELP_NAME, HelperName.Length));
        if (NameOf(flow.Function) is { Length: > 0 } name)
            name.CopyTo(writer.PutSpace(CTA_EXPECT_FN, name.Length + 1));
        if (flow.HasNat)
        {
            var nest = writer.BeginNest(CTA_EXPECT_NAT);
            writer.PutUInt32BE(CTA_EXPECT_NAT_DIR, flow.NatDirection);
            var tuple = flow.Tuple with { Source = flow.NatAddress, SourcePort = flow.NatPort, Destination = default, DestinationPort = 0 };
            WriteTuple(ref writer, CTA_EXPECT_NAT_TUPLE, tuple, 0);
            writer.EndNest(nest);
        }
        writer.EndMessage();
    }

    /// <summary>Writes the request that has the kernel forget an expected flow.</summary>
    public static void WriteUnexpect(ref NetlinkWriter writer, in ExpectedFlow flow, NetlinkFlags flags, uint sequence)
    {
        BeginExpectation(ref writer, IPCTNL_MSG_EXP_DELETE, flags | NetlinkFlags.Request, sequence, flow);
        WriteTuple(ref writer, CTA_EXPECT_TUPLE, flow.Tuple, 0);
        writer.EndMessage();
    }

    private static void BeginExpectation(ref NetlinkWriter writer, ushort message, NetlinkFlags flags, uint sequence, in ExpectedFlow flow)
    {
        writer.BeginMessage((ushort)((NFNL_SUBSYS_CTNETLINK_EXP << 8) | message), flags, sequence);
        writer.Reserve(HeaderLength)[0] = flow.Tuple.Family;
        if (flow.Master.Zone != 0)
            writer.PutUInt16BE(CTA_EXPECT_ZONE, flow.Master.Zone);
    }

    private static bool TryReadNat(ReadOnlySpan<byte> nest, byte family, ref ExpectedFlow flow)
    {
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            if (attribute.Type == CTA_EXPECT_NAT_DIR)
                flow = flow with { NatDirection = (byte)(attribute.UInt32BE & 1) };
            else if (attribute.Type == CTA_EXPECT_NAT_TUPLE && TryReadTuple(attribute.Value, family, out var tuple))
                flow = flow with { HasNat = true, NatAddress = tuple.Source, NatPort = tuple.SourcePort };
        }
        return !attributes.IsMalformed && flow.HasNat;
    }

    private static ReadOnlySpan<byte> NameOf(ExpectedFunction function) =>
        function switch
        {
            ExpectedFunction.FollowMaster => "nat-follow-master"u8,
            ExpectedFunction.Sip => "sip"u8,
            ExpectedFunction.Q931 => "Q.931"u8,
            ExpectedFunction.CallForwarding => "callforwarding"u8,
            _ => default,
        };

    private static ExpectedFunction? FunctionOf(ReadOnlySpan<byte> name)
    {
        name = name.TrimEnd((byte)0);
        for (var function = ExpectedFunction.FollowMaster; function <= ExpectedFunction.CallForwarding; function++)
        {
            if (name.SequenceEqual(NameOf(function)))
                return function;
        }
        return null;
    }
}
