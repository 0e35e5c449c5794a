using System.Buffers.Binary;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.Pfsync;

/// <summary>An expected flow in the `linux` format: 84 bytes for IPv4. Stands behind the state of the connection that announced it.</summary>
/// <remarks><code>
/// 0      1      2              3         4..7     8..11         12..27  28..35             36..39   40               41                 42..43
/// bits   class  NAT direction  function  timeout  kernel flags  helper  master incarnation creator  master protocol  expected protocol  zone
/// then: master's original tuple | expected tuple | mask: address, port, 0 2 | NAT: address, port, 0 2
/// bits: 1 it is gone, 2 NAT is set
/// </code>Tuples as in <see cref="LinuxState"/>, addresses of 4 or 16 bytes.</remarks>
public static class LinuxExpectation
{
    private const int Fixed = 44;
    private const int Length4 = Fixed + (2 * 12) + (2 * 8);
    private const int Length6 = Fixed + (2 * 36) + (2 * 20);

    /// <summary>Bytes of the longest message.</summary>
    public const int MaxLength = Length6;

    /// <summary>The action for this flow's family.</summary>
    public static PfsyncAction ActionOf(in ExpectedFlow flow) => flow.Tuple.Family == 2 ? PfsyncAction.Expect4 : PfsyncAction.Expect6;

    /// <summary>Bytes of a message; 0 for actions of other kinds.</summary>
    public static int LengthOf(PfsyncAction action) =>
        action switch
        {
            PfsyncAction.Expect4 => Length4,
            PfsyncAction.Expect6 => Length6,
            _ => 0,
        };

    /// <summary>Writes a message of <see cref="LengthOf"/> bytes.</summary>
    public static void Write(Span<byte> message, in ExpectedFlow flow, StateIdentity master, bool isGone)
    {
        var ipv6 = flow.Tuple.Family != 2;
        message[0] = (byte)((isGone ? 1 : 0) | (flow.HasNat ? 2 : 0));
        message[1] = flow.Class;
        message[2] = flow.NatDirection;
        message[3] = (byte)flow.Function;
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], flow.TimeoutSeconds);
        BinaryPrimitives.WriteUInt32BigEndian(message[8..], flow.Flags);
        flow.Helper.Write(message[12..]);
        BinaryPrimitives.WriteUInt64BigEndian(message[28..], master.Incarnation);
        BinaryPrimitives.WriteUInt32BigEndian(message[36..], master.Creator);
        message[40] = flow.Master.Protocol;
        message[41] = flow.Tuple.Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(message[42..], flow.Master.Zone);
        var rest = message[Fixed..];
        var tuple = ipv6 ? 36 : 12;
        LinuxState.WriteTuple(rest, flow.Master, ipv6);
        LinuxState.WriteTuple(rest[tuple..], flow.Tuple, ipv6);
        rest = WriteEnd(rest[(2 * tuple)..], flow.MaskSource, flow.MaskPort, ipv6);
        WriteEnd(rest, flow.NatAddress, flow.NatPort, ipv6);
    }

    /// <summary>Reads a message; false when it is too short or nothing can be expected like this.</summary>
    public static bool TryRead(
        ReadOnlySpan<byte> message,
        PfsyncAction action,
        out ExpectedFlow flow,
        out StateIdentity master,
        out bool isGone
    )
    {
        flow = default;
        master = default;
        isGone = false;
        var length = LengthOf(action);
        if (length == 0 || message.Length < length || !HelperName.TryRead(message.Slice(12, HelperName.Length), out var helper))
            return false;
        var ipv6 = action == PfsyncAction.Expect6;
        var zone = BinaryPrimitives.ReadUInt16BigEndian(message[42..]);
        var rest = message[Fixed..];
        var tuple = ipv6 ? 36 : 12;
        var address = ipv6 ? 16 : 4;
        var mask = rest[(2 * tuple)..];
        var nat = mask[(address + 4)..];
        isGone = (message[0] & 1) != 0;
        master = new StateIdentity(
            BinaryPrimitives.ReadUInt64BigEndian(message[28..]),
            BinaryPrimitives.ReadUInt32BigEndian(message[36..])
        );
        flow = new ExpectedFlow
        {
            HasNat = (message[0] & 2) != 0,
            Class = message[1],
            NatDirection = message[2],
            Function = (ExpectedFunction)message[3],
            TimeoutSeconds = BinaryPrimitives.ReadUInt32BigEndian(message[4..]),
            Flags = BinaryPrimitives.ReadUInt32BigEndian(message[8..]),
            Helper = helper,
            Master = LinuxState.ReadTuple(rest, ipv6, message[40], zone),
            Tuple = LinuxState.ReadTuple(rest[tuple..], ipv6, message[41], zone),
            MaskSource = IpAddressValue.Read(mask[..address]),
            MaskPort = BinaryPrimitives.ReadUInt16BigEndian(mask[address..]),
            NatAddress = IpAddressValue.Read(nat[..address]),
            NatPort = BinaryPrimitives.ReadUInt16BigEndian(nat[address..]),
        };
        return master.Incarnation != 0
            && flow.Master.Protocol != 0
            && flow.Tuple.Protocol != 0
            && flow.NatDirection <= 1
            && flow.Function <= ExpectedFunction.CallForwarding
            && flow.TimeoutSeconds is > 0 and <= StateTimeouts.Longest;
    }

    private static Span<byte> WriteEnd(Span<byte> bytes, IpAddressValue address, ushort port, bool ipv6)
    {
        var length = ipv6 ? 16 : 4;
        address.Write(bytes[..length]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[length..], (uint)port << 16);
        return bytes[(length + 4)..];
    }
}
