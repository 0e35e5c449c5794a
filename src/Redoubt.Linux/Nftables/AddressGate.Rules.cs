using System.Globalization;
using System.Runtime.InteropServices;
using Redoubt.Core;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Nftables;

/// <summary>What the gate consists of, as nf_tables messages.</summary>
public sealed partial class AddressGate
{
    private const string RoleIn = "role_in";
    private const string RoleOut = "role_out";
    private const int IngressPriority = -300; // before anything else that looks at the frame
    private const int ElementsPerMessage = 256; // a nest counts its bytes in 16 bits
    private const int DevicesPerChain = 255; // one less than NFT_NETDEVICE_MAX: with more the kernel answers EFBIG
    private const uint A = 1; // NFT_REG_1, 16 bytes
    private const byte RouterAdvertisement = 134; // types of ICMPv6
    private const byte NeighbourSolicitation = 135;
    private const byte NeighbourAdvertisement = 136;

    private void WriteSets(ref NetlinkWriter writer, uint sequence)
    {
        NftablesWriter.NewSet(ref writer, sequence, Table, RoleIn, 1, 0, NftablesWriter.TypeInterface, 4, verdicts: true);
        NftablesWriter.NewSet(ref writer, sequence, Table, RoleOut, 2, 0, NftablesWriter.TypeInterface, 4, verdicts: true);
        uint id = 3;
        foreach (var ipv6 in (ReadOnlySpan<bool>)[false, true])
        {
            var (type, length) = ipv6 ? (NftablesWriter.TypeIPv6, 16u) : (NftablesWriter.TypeIPv4, 4u);
            NftablesWriter.NewSet(ref writer, sequence, Table, Held(ipv6), id++, 0, type, length, verdicts: true);
            NftablesWriter.NewSet(ref writer, sequence, Table, Answered(ipv6), id++, 0, type, length, verdicts: true);
            NftablesWriter.NewSet(ref writer, sequence, Table, Gate(ipv6), id++, 0, type, length, verdicts: false);
        }
        for (var group = 0; group < _layout.Groups.Count; group++)
            WriteGroup(ref writer, sequence, group);
    }

    private static void WriteGroup(ref NetlinkWriter writer, uint sequence, int group)
    {
        const uint FirstLeaseId = 16;
        const uint LeaseFlags = NftablesWriter.SetTimeout | NftablesWriter.SetEvaluate;
        var (lease, chain) = (Lease(group), Group(group));
        NftablesWriter.NewSet(
            ref writer,
            sequence,
            Table,
            lease,
            FirstLeaseId + (uint)group,
            LeaseFlags,
            NftablesWriter.TypeLink,
            2,
            verdicts: false
        );
        NftablesWriter.NewChain(ref writer, sequence, Table, chain);
        // Ingress knows no output device and egress no input device: each rule holds on one side only.
        foreach (var type in (ReadOnlySpan<uint>)[NftablesWriter.MetaInputType, NftablesWriter.MetaOutputType])
        {
            var accept = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
            NftablesWriter.Meta(ref writer, type, A);
            NftablesWriter.Lookup(ref writer, lease, A);
            NftablesWriter.Verdict(ref writer, NftablesWriter.VerdictAccept);
            writer.EndNest(accept);
        }
        var drop = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
        NftablesWriter.Counter(ref writer);
        NftablesWriter.Verdict(ref writer, NftablesWriter.VerdictDrop);
        writer.EndNest(drop);
    }

    private void WriteChains(ref NetlinkWriter writer, uint sequence)
    {
        if (_layout.Members.Count > 0)
        {
            var number = 0;
            foreach (var devices in _layout.Members.Where(m => m.HasDevice).Select(m => m.Device).Chunk(DevicesPerChain))
            {
                var suffix = number == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"_{number}");
                number++;
                WriteMacChain(ref writer, sequence, $"mac_in{suffix}", NftablesWriter.HookIngress, RoleIn, devices);
                WriteMacChain(ref writer, sequence, $"mac_out{suffix}", NftablesWriter.HookEgress, RoleOut, devices);
            }
        }
        if (_layout.Parents.Count == 0)
            return;
        const string VipIn = "vip_in";
        NftablesWriter.NewChain(
            ref writer,
            sequence,
            Table,
            VipIn,
            NftablesWriter.HookIngress,
            IngressPriority,
            NftablesWriter.VerdictAccept,
            _layout.Parents
        );
        WriteAddressRules(ref writer, sequence, VipIn, 0x0806, 24, Answered(false), ipv6: false); // ARP: target address
        WriteAddressRules(ref writer, sequence, VipIn, 0x0800, 16, Held(false), ipv6: false); // IPv4: destination
        WriteAddressRules(ref writer, sequence, VipIn, 0x86dd, 24, Held(true), ipv6: true); // IPv6: destination
        WriteAddressRules(ref writer, sequence, VipIn, 0x86dd, 48, Answered(true), ipv6: true, NeighbourSolicitation); // ND: target address
        WriteParentOut(ref writer, sequence);
    }

    private static void WriteMacChain(ref NetlinkWriter writer, uint sequence, string chain, uint hook, string role, string[] devices)
    {
        var interfaceKey = hook == NftablesWriter.HookIngress ? NftablesWriter.MetaInputInterface : NftablesWriter.MetaOutputInterface;
        NftablesWriter.NewChain(ref writer, sequence, Table, chain, hook, IngressPriority, NftablesWriter.VerdictDrop, devices);
        var rule = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
        NftablesWriter.Meta(ref writer, interfaceKey, A);
        NftablesWriter.Lookup(ref writer, role, A, verdicts: true);
        writer.EndNest(rule);
    }

    // Two rules: in the map -> the chain of its lease; otherwise, where it is a virtual address at all -> drop.
    private static void WriteAddressRules(
        ref NetlinkWriter writer,
        uint sequence,
        string chain,
        ushort etherType,
        uint offset,
        string map,
        bool ipv6,
        byte icmp = 0
    )
    {
        for (var drop = 0; drop < 2; drop++)
        {
            var rule = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
            NftablesWriter.Meta(ref writer, NftablesWriter.MetaProtocol, A);
            NftablesWriter.Equal(ref writer, A, [(byte)(etherType >> 8), (byte)etherType]);
            if (icmp != 0)
            {
                NftablesWriter.NetworkHeader(ref writer, 6, 1, A); // next header: ICMPv6
                NftablesWriter.Equal(ref writer, A, [58]);
                NftablesWriter.NetworkHeader(ref writer, 40, 1, A); // type
                NftablesWriter.Equal(ref writer, A, [icmp]);
            }
            NftablesWriter.NetworkHeader(ref writer, offset, ipv6 ? 16u : 4u, A);
            if (drop == 0)
            {
                NftablesWriter.Lookup(ref writer, map, A, verdicts: true);
            }
            else
            {
                NftablesWriter.Lookup(ref writer, Gate(ipv6), A);
                NftablesWriter.Counter(ref writer);
                NftablesWriter.Verdict(ref writer, NftablesWriter.VerdictDrop);
            }
            writer.EndNest(rule);
        }
    }

    private void WriteParentOut(ref NetlinkWriter writer, uint sequence)
    {
        const string ParentOut = "parent_out";
        NftablesWriter.NewChain(
            ref writer,
            sequence,
            Table,
            ParentOut,
            NftablesWriter.HookEgress,
            IngressPriority,
            NftablesWriter.VerdictAccept,
            _layout.Parents
        );
        for (var group = 0; group < _layout.Groups.Count; group++)
        {
            WriteMarkRule(ref writer, sequence, ParentOut, GateMark.Renew(group, demoted: false), group, Lifetime(group, false));
            WriteMarkRule(ref writer, sequence, ParentOut, GateMark.Renew(group, demoted: true), group, Lifetime(group, true));
            WriteMarkRule(ref writer, sequence, ParentOut, GateMark.Announce(group), group, null);
            var heartbeats = _layout.Groups[group].Heartbeats;
            for (var level = 0; level < heartbeats.Count; level++)
                WriteMarkRule(ref writer, sequence, ParentOut, GateMark.Heartbeat(group, level), group, heartbeats[level]);
        }
        // An address on the parent itself is said to be there by the kernel, too: who asks with it, or answers for it, moves it in others' tables.
        if (_layout.Members.All(m => m.HasDevice))
            return;
        WriteAddressRules(ref writer, sequence, ParentOut, 0x0806, 14, Answered(false), ipv6: false); // ARP: sender address
        WriteAddressRules(ref writer, sequence, ParentOut, 0x86dd, 8, Answered(true), ipv6: true, RouterAdvertisement); // source
        WriteAddressRules(ref writer, sequence, ParentOut, 0x86dd, 8, Answered(true), ipv6: true, NeighbourSolicitation); // source
        WriteAddressRules(ref writer, sequence, ParentOut, 0x86dd, 48, Answered(true), ipv6: true, NeighbourAdvertisement); // target address
    }

    // Two rules a mark: leased -> (update,) accept; else drop.
    private static void WriteMarkRule(ref NetlinkWriter writer, uint sequence, string chain, uint mark, int group, TimeSpan? renewal)
    {
        var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in mark));
        var rule = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
        NftablesWriter.Meta(ref writer, NftablesWriter.MetaMark, A);
        NftablesWriter.Equal(ref writer, A, bytes);
        NftablesWriter.Meta(ref writer, NftablesWriter.MetaOutputType, A);
        NftablesWriter.Lookup(ref writer, Lease(group), A);
        if (renewal is { } lifetime)
            NftablesWriter.Update(ref writer, Lease(group), A, lifetime);
        NftablesWriter.Verdict(ref writer, NftablesWriter.VerdictAccept);
        writer.EndNest(rule);

        rule = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
        NftablesWriter.Meta(ref writer, NftablesWriter.MetaMark, A);
        NftablesWriter.Equal(ref writer, A, bytes);
        NftablesWriter.Counter(ref writer);
        NftablesWriter.Verdict(ref writer, NftablesWriter.VerdictDrop);
        writer.EndNest(rule);
    }

    private void WriteElements(ref NetlinkWriter writer, uint sequence, Instant now)
    {
        WriteAllAddresses(ref writer, sequence, ipv6: false);
        WriteAllAddresses(ref writer, sequence, ipv6: true);
        WriteMembers(ref writer, sequence, new GateOpening[_wanted.Length]);
        for (var group = 0; group < _leaseEnd.Length; group++)
        {
            _hasLease[group] = AnyGranted(group) && _leaseEnd[group] > now;
            if (_hasLease[group])
                WriteLease(ref writer, sequence, group, _leaseEnd[group] - now);
        }
    }

    private void WriteAllAddresses(ref NetlinkWriter writer, uint sequence, bool ipv6)
    {
        Span<byte> key = stackalloc byte[16];
        key = ipv6 ? key : key[..4];
        HashSet<IpAddressValue> addresses = [];
        foreach (var member in _layout.Members)
        {
            foreach (var address in member.Addresses)
            {
                if (address.IsIPv6 == ipv6)
                    addresses.Add(address.Address);
            }
        }
        foreach (var chunk in addresses.Chunk(ElementsPerMessage))
        {
            var nest = NftablesWriter.BeginElements(ref writer, sequence, Table, Gate(ipv6), delete: false);
            foreach (var address in chunk)
            {
                address.Write(key);
                NftablesWriter.Element(ref writer, key);
            }
            writer.EndNest(nest);
        }
    }

    // What changes from an opening of each member to the one that is wanted; all in one transaction.
    private void WriteMembers(ref NetlinkWriter writer, uint sequence, ReadOnlySpan<GateOpening> from)
    {
        foreach (var delete in (ReadOnlySpan<bool>)[true, false])
        {
            WritePart(ref writer, sequence, from, GateOpening.Packets, delete, RoleIn, Held(false), Held(true));
            WritePart(ref writer, sequence, from, GateOpening.Open, delete, RoleOut, Answered(false), Answered(true));
        }
    }

    private void WritePart(
        ref NetlinkWriter writer,
        uint sequence,
        ReadOnlySpan<GateOpening> from,
        GateOpening part,
        bool delete,
        string role,
        string map4,
        string map6
    )
    {
        var (count, nest, any) = (0, 0, false);
        for (var member = 0; member < _wanted.Length; member++)
        {
            if (!Changes(from[member], _wanted[member], part, delete))
                continue;
            any = true;
            if (!_layout.Members[member].HasDevice)
                continue;
            Next(ref writer, sequence, role, delete, ref count, ref nest);
            var group = delete ? null : Group(_layout.Members[member].Group);
            NftablesWriter.Element(ref writer, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in _deviceIndex[member])), group);
        }
        if (count > 0)
            writer.EndNest(nest);
        if (!any)
            return;
        WriteAddresses(ref writer, sequence, from, part, delete, map4, ipv6: false);
        WriteAddresses(ref writer, sequence, from, part, delete, map6, ipv6: true);
    }

    private void WriteAddresses(
        ref NetlinkWriter writer,
        uint sequence,
        ReadOnlySpan<GateOpening> from,
        GateOpening part,
        bool delete,
        string map,
        bool ipv6
    )
    {
        Span<byte> key = stackalloc byte[16];
        key = ipv6 ? key : key[..4];
        var (count, nest) = (0, 0);
        for (var member = 0; member < _wanted.Length; member++)
        {
            if (!Changes(from[member], _wanted[member], part, delete))
                continue;
            var group = delete ? null : Group(_layout.Members[member].Group);
            foreach (var address in _layout.Members[member].Addresses)
            {
                if (address.IsIPv6 != ipv6)
                    continue;
                Next(ref writer, sequence, map, delete, ref count, ref nest);
                address.Address.Write(key);
                NftablesWriter.Element(ref writer, key, group);
            }
        }
        if (count > 0)
            writer.EndNest(nest);
    }

    private static bool Changes(GateOpening from, GateOpening to, GateOpening part, bool delete) =>
        delete ? from >= part && to < part : from < part && to >= part;

    // A message takes so many elements; then the next one begins.
    private static void Next(ref NetlinkWriter writer, uint sequence, string set, bool delete, ref int count, ref int nest)
    {
        if (count++ % ElementsPerMessage != 0)
            return;
        if (count > 1)
            writer.EndNest(nest);
        nest = NftablesWriter.BeginElements(ref writer, sequence, Table, set, delete);
    }

    private static void WriteLease(ref NetlinkWriter writer, uint sequence, int group, TimeSpan? left)
    {
        ushort ethernet = 1; // ARPHRD_ETHER
        var nest = NftablesWriter.BeginElements(ref writer, sequence, Table, Lease(group), delete: left is null);
        NftablesWriter.Element(ref writer, MemoryMarshal.AsBytes(new ReadOnlySpan<ushort>(in ethernet)), null, left);
        writer.EndNest(nest);
    }

    private static string Lease(int group) => string.Create(CultureInfo.InvariantCulture, $"lease_{group}");

    private static string Group(int group) => string.Create(CultureInfo.InvariantCulture, $"group_{group}");

    private static string Answered(bool ipv6) => ipv6 ? "answer6" : "answer4";

    private static string Held(bool ipv6) => ipv6 ? "held6" : "held4";

    private static string Gate(bool ipv6) => ipv6 ? "gate6" : "gate4";
}
