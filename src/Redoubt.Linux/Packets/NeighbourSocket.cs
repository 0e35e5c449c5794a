using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Packets;

/// <summary>
/// Hears the questions for addresses on one device, ARP requests or neighbour solicitations, as whole frames, and sends answers (AF_PACKET); or all that says where an
/// address is. Bound to a protocol, it hears what
/// the device's ingress hook lets pass, and what it sends passes the egress hook: on a vhid's device both are its lease. Never blocks. Owned by one thread.
/// </summary>
public sealed unsafe class NeighbourSocket : IDisposable
{
    private const ushort Arp = 0x0806;
    private const ushort IPv6 = 0x86dd;
    private readonly int _interfaceIndex;
    private readonly ushort _protocol;

    // Classic BPF, sock_filter = code u16 | jt u8 | jf u8 | k u32, on the whole frame. Else every IPv6 packet of the device would wake us up.
    private static readonly ulong[] _requests =
    [
        Instruction(0x28, 0, 0, 20), // ldh [20]: oper
        Instruction(0x15, 0, 1, 1), // jeq request
        Instruction(0x06, 0, 0, 128), // ret 128 bytes
        Instruction(0x06, 0, 0, 0), // ret nothing
    ];

    private static readonly ulong[] _solicitations =
    [
        Instruction(0x30, 0, 0, 20), // ldb [20]: next header
        Instruction(0x15, 0, 3, 58), // jeq ICMPv6
        Instruction(0x30, 0, 0, 54), // ldb [54]: type
        Instruction(0x15, 0, 1, 135), // jeq neighbour solicitation
        Instruction(0x06, 0, 0, 512), // ret 512 bytes
        Instruction(0x06, 0, 0, 0),
    ];

    private static readonly ulong[] _arpClaims = [Instruction(0x06, 0, 0, 128)];

    private static readonly ulong[] _discoveryClaims =
    [
        Instruction(0x30, 0, 0, 20), // ldb [20]: next header
        Instruction(0x15, 0, 4, 58), // jeq ICMPv6
        Instruction(0x30, 0, 0, 54), // ldb [54]: type
        Instruction(0x15, 1, 0, 135), // jeq neighbour solicitation
        Instruction(0x15, 0, 1, 136), // jeq neighbour advertisement
        Instruction(0x06, 0, 0, 512), // ret 512 bytes
        Instruction(0x06, 0, 0, 0),
    ];

    /// <summary>Opens it on a device; throws <see cref="KernelException"/> where the kernel refuses.</summary>
    /// <param name="interfaceIndex">The device.</param>
    /// <param name="ipv6">Neighbour discovery; false: ARP.</param>
    /// <param name="claims">Hears what says where an address is, answers too; false: the questions alone, those to any group.</param>
    public NeighbourSocket(int interfaceIndex, bool ipv6, bool claims = false)
    {
        (_interfaceIndex, _protocol) = (interfaceIndex, ipv6 ? IPv6 : Arp);
        // No protocol, then nothing comes before the filter is there.
        Handle = LibC.OpenSocket(LibC.AF_PACKET, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK, 0);
        try
        {
            Filter(claims ? (ipv6 ? _discoveryClaims : _arpClaims) : (ipv6 ? _solicitations : _requests));
            if (ipv6 && !claims)
                HearAllGroups();
            Span<byte> address = stackalloc byte[20];
            WriteAddress(address);
            fixed (byte* pointer = address)
            {
                if (LibC.Bind(Handle, pointer, address.Length) != 0)
                    throw new KernelException($"neighbour socket: bind to interface {interfaceIndex}", Errno.Last);
            }
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Takes the next frame that came in for us or for all; false when none waits.</summary>
    public bool TryReceive(Span<byte> buffer, out int length)
    {
        Span<byte> address = stackalloc byte[20];
        var addressLength = address.Length;
        fixed (byte* data = buffer)
        fixed (byte* name = address)
        {
            while (true)
            {
                var received = LibC.ReceiveFrom(Handle, data, (nuint)buffer.Length, LibC.MSG_DONTWAIT, name, &addressLength);
                if (received < 0 && Errno.Last == Errno.Interrupted)
                    continue;
                length = (int)Math.Clamp(received, 0, buffer.Length);
                // Other hosts' frames are heard in promiscuous mode, those of an unknown VLAN likewise.
                if (received >= 0 && address[10] is LibC.PACKET_OUTGOING or LibC.PACKET_OTHERHOST)
                    continue;
                return received >= 0;
            }
        }
    }

    /// <summary>Sends a frame; the errno where the kernel or the gate does not take it.</summary>
    public Errno Send(ReadOnlySpan<byte> frame)
    {
        Span<byte> address = stackalloc byte[20];
        WriteAddress(address);
        address[11] = 6;
        frame[..6].CopyTo(address[12..]);
        fixed (byte* data = frame)
        fixed (byte* name = address)
            return LibC.SendTo(Handle, data, (nuint)frame.Length, LibC.MSG_DONTWAIT, name, address.Length) >= 0 ? Errno.None : Errno.Last;
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    // sockaddr_ll = family u16 | protocol u16 BE | index i32 | hatype u16 | pkttype u8 | halen u8 | addr 8 bytes
    private void WriteAddress(Span<byte> address)
    {
        address.Clear();
        MemoryMarshal.Write(address, (ushort)LibC.AF_PACKET);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(address[2..], _protocol);
        MemoryMarshal.Write(address[4..], _interfaceIndex);
    }

    // sock_fprog = length u16, padding to the pointer | pointer to the instructions
    private void Filter(ulong[] program)
    {
        fixed (ulong* instructions = program)
        {
            Span<byte> request = stackalloc byte[16];
            request.Clear();
            MemoryMarshal.Write(request, (ushort)program.Length);
            MemoryMarshal.Write(request[8..], (nint)instructions);
            Check(LibC.SetOption(Handle, LibC.SOL_SOCKET, LibC.SO_ATTACH_FILTER, request), "filter");
        }
    }

    // Solicitations go to a group for each address: the device is told to hear all of them. packet_mreq = index i32 | type u16 | length u16 | address 8 bytes
    private void HearAllGroups()
    {
        Span<byte> membership = stackalloc byte[16];
        membership.Clear();
        MemoryMarshal.Write(membership, _interfaceIndex);
        MemoryMarshal.Write(membership[4..], (ushort)LibC.PACKET_MR_ALLMULTI);
        Check(LibC.SetOption(Handle, LibC.SOL_PACKET, LibC.PACKET_ADD_MEMBERSHIP, membership), "all groups");
    }

    private static void Check(Errno errno, string what)
    {
        if (!errno.IsSuccess)
            throw new KernelException("neighbour socket: " + what, errno);
    }

    private static ulong Instruction(ushort code, byte jumpTrue, byte jumpFalse, uint constant) =>
        code | (ulong)jumpTrue << 16 | (ulong)jumpFalse << 24 | (ulong)constant << 32;
}
