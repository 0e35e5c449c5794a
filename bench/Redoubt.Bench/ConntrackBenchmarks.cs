using BenchmarkDotNet.Attributes;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Netlink;

namespace Redoubt.Bench;

/// <summary>One event of the kernel's connection table.</summary>
public class ConntrackBenchmarks
{
    // test/vectors/conntrack/event-new-tcp4.hex: what the kernel really sent, with its netlink header.
    private static readonly byte[] _event = Convert.FromHexString(
        "c4000000000100060000000000000000020000003400018014000180080001007f000001080002007f0000011c00028005000100060000"
            + "00060002009c410000060003001f9000003400028014000180080001007f000001080002007f0000011c00028005000100060000000600"
            + "02001f900000060003009c41000008000c00cfef997008000300000000080800070000000078300004802c000180050001000100000005"
            + "0002000a000000050003000000000006000400030000000600050000000000"
    );

    /// <summary>ctnetlink event of a new TCP connection.</summary>
    [Benchmark]
    public uint Parse_conntrack_event()
    {
        var messages = new NetlinkMessages(_event);
        if (!messages.MoveNext() || !ConntrackMessage.TryRead(messages.Current, out var entry, out _))
            throw new InvalidOperationException("the event is not read");
        return entry.KernelId;
    }
}
