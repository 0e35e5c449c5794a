using BenchmarkDotNet.Attributes;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Netlink;

namespace Redoubt.Bench;

/// <summary>One connection: into a datagram and back, and into the kernel's request.</summary>
public class StateBenchmarks
{
    private readonly byte[] _buffer = new byte[ConntrackLimits.MaxMessageLength];
    private readonly byte[] _message = new byte[LinuxState.MaxLength];
    private ReplicatedState _state;
    private PfsyncAction _action;

    /// <summary>Plain: client to server; NAT: behind a source translation.</summary>
    [Params("IPv4", "IPv4 NAT", "IPv6")]
    public string Flow { get; set; } = "";

    /// <summary>Makes the state and its encoding.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var ipv6 = Flow == "IPv6";
        var original = new ConntrackTuple
        {
            Family = ipv6 ? (byte)10 : (byte)2,
            Protocol = 6,
            Source = ipv6 ? new IpAddressValue(0xfd00_0001_0000_0000, 5) : new IpAddressValue(0, 0x0a00_0005),
            Destination = ipv6 ? new IpAddressValue(0x2001_0db8_0000_0000, 80) : new IpAddressValue(0, 0xc000_0250),
            SourcePort = 40_000,
            DestinationPort = 443,
        };
        var reply = LinuxState.Mirror(original);
        if (Flow == "IPv4 NAT")
            reply = reply with { Destination = new IpAddressValue(0, 0xc633_6401) };
        _state = new ReplicatedState
        {
            Identity = new StateIdentity(0x0123_4567_89ab_cdef, 7),
            Term = 1,
            Owner = 1,
            Revision = 1,
            Entry = new ConntrackEntry
            {
                Original = original,
                Reply = reply,
                Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured | ConntrackEntry.StatusConfirmed,
                TimeoutSeconds = 3600,
                HasTcp = true,
                TcpState = 3,
            },
        };
        _action = LinuxState.ActionOf(_state);
        LinuxState.Write(_message, _action, _state);
        if (!Decode_linux_state())
            throw new InvalidOperationException("the state is not read");
    }

    /// <summary>Netlink message that creates the connection in the kernel.</summary>
    [Benchmark]
    public int Write_netlink_message()
    {
        var writer = new NetlinkWriter(_buffer);
        ConntrackMessage.WriteCreate(ref writer, _state.Entry, NetlinkFlags.None, 1);
        return writer.Finish().Length;
    }

    /// <summary>`linux` state format, action chosen and written.</summary>
    [Benchmark]
    public byte Encode_linux_state()
    {
        LinuxState.Write(_message, LinuxState.ActionOf(_state), _state);
        return _message[0];
    }

    /// <summary>`linux` state format, read and checked.</summary>
    [Benchmark]
    public bool Decode_linux_state() => LinuxState.TryRead(_message, _action, out _);
}
