using System.Globalization;
using System.Runtime.InteropServices;
using Redoubt.Core;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Nftables;

/// <summary>
/// The kernel's side of a leased address: table netdev redoubt_gate. Nothing of a virtual MAC and nothing to or for a virtual
/// address passes unless its lease lives, and only the advertisements of a living daemon prolong the lease, without netlink:
/// <code>
/// set lease_G { link type; timeout }     one for each lease group, with one element while the lease lives
/// chain group_G                          lease_G alive -> accept; else drop
/// map role    { macvlan : goto group }   the macvlans whose vhid is MASTER
/// map held4/6 { address : goto group }   their addresses;   set gate4/6: all virtual addresses
/// mac_in, mac_out   on the macvlans, policy drop:  the device's role
/// vip_in            on the parents, ingress: ARP, IPv4, IPv6, ND for an address: held -> its group; else in gate -> drop
/// parent_out        on the parents, egress: a renewing mark while the lease lives -> prolong it, accept; an announcing mark while
///                   the lease lives -> accept; else drop
/// </code>
/// The key of a lease is the link's type, because that is the same for every frame and a lookup needs a key that comes from one.
/// A frozen daemon sends no advertisement, so its lease lapses and the node is silent; an advertisement that leaves after that
/// is dropped instead of reviving the lease. The table is loaded before a macvlan comes up and belongs to this socket (flags owner and
/// persist) where the kernel has both, so that the flushing of somebody else's rules leaves it alone. Owned by one thread.
/// </summary>
public sealed class AddressGate : IDisposable
{
    /// <summary>The table's name, in the family netdev.</summary>
    public const string Table = "redoubt_gate";

    private const string Role = "role";
    private const int IngressPriority = -300; // before anything else that looks at the frame
    private const int ElementsPerMessage = 256; // a nest counts its bytes in 16 bits
    private const int BufferSize = 256 * 1024;
    private const uint A = 1; // NFT_REG_1, 16 bytes
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Netfilter);
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly byte[] _answer = new byte[16 * 1024];
    private readonly GateLayout _layout;
    private readonly bool[] _granted;
    private readonly bool[] _committed;
    private readonly Instant[] _leaseEnd;
    private readonly bool[] _hasLease;
    private readonly int[] _deviceIndex;
    private uint _flags = NftablesWriter.TableOwner | NftablesWriter.TablePersist;

    /// <summary>Prepares the gate of a layout; <see cref="Load"/> puts it into the kernel.</summary>
    public AddressGate(GateLayout layout)
    {
        if (layout.Groups.Count > GateLayout.GroupLimit)
            throw new ArgumentException($"at most {GateLayout.GroupLimit} lease groups", nameof(layout));
        _layout = layout;
        _granted = new bool[layout.Members.Count];
        _committed = new bool[layout.Members.Count];
        _leaseEnd = new Instant[layout.Groups.Count];
        _hasLease = new bool[layout.Groups.Count];
        _deviceIndex = [.. layout.Members.Select(m => m.DeviceIndex)];
        _socket.SetReceiveBuffer(1 << 20);
    }

    /// <summary>True where the kernel protects the table from others (owner and persist).</summary>
    public bool IsOwned => _flags != 0;

    /// <summary>The netlink port whose changes to tables are our own.</summary>
    public uint Port => _socket.Port;

    /// <summary>How long a group's lease lasts from each renewal.</summary>
    public TimeSpan Lifetime(int group, bool demoted) => demoted ? _layout.Groups[group].DemotedLifetime : _layout.Groups[group].Lifetime;

    /// <summary>Notes that a proof left at <paramref name="sent"/>, so that a reload gives the lease no more than what is left of it.</summary>
    public void Renewed(int group, Instant sent, bool demoted) => _leaseEnd[group] = sent + Lifetime(group, demoted);

    /// <summary>When the group's lease ends by the proofs noted; <see cref="Instant.Zero"/> where there is none.</summary>
    public Instant LeaseEnd(int group) => _leaseEnd[group];

    /// <summary>Opens a member's gate with the next <see cref="Commit"/>. A group without a living lease gets one from now on.</summary>
    public void Grant(int member, Instant now)
    {
        _granted[member] = true;
        var group = _layout.Members[member].Group;
        if (_leaseEnd[group] <= now)
            _leaseEnd[group] = now + Lifetime(group, demoted: false);
    }

    /// <summary>Closes a member's gate with the next <see cref="Commit"/>; the last one of a group ends its lease.</summary>
    public void Revoke(int member)
    {
        _granted[member] = false;
        var group = _layout.Members[member].Group;
        if (!AnyGranted(group))
            _leaseEnd[group] = Instant.Zero;
    }

    /// <summary>A member's macvlan was created anew; takes effect with the next <see cref="Load"/>.</summary>
    public void Rebind(int member, int deviceIndex) => _deviceIndex[member] = deviceIndex;

    /// <summary>Whether a member's gate is open as far as this object knows.</summary>
    public bool IsGranted(int member) => _granted[member];

    /// <summary>Replaces the whole table in one transaction, by what was granted and is still leased.</summary>
    public Errno Load(Instant now)
    {
        var errno = TryLoad(now, delete: true, adopt: false);
        if (errno == Errno.NoEntry)
            errno = TryLoad(now, delete: false, adopt: false);
        else if (errno == Errno.NotPermitted)
            errno = TryLoad(now, delete: true, adopt: true);
        if (errno.Value is 22 or 95 && _flags != 0) // EINVAL, EOPNOTSUPP: a kernel without persist, or without both
        {
            _flags = 0;
            return Load(now);
        }
        if (errno.IsSuccess)
            _granted.CopyTo(_committed, 0);
        return errno;
    }

    /// <summary>Brings grants and revocations into the kernel in one transaction. Where it does not fit, the whole table is loaded anew.</summary>
    public Errno Commit(Instant now)
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_buffer);
        NftablesWriter.Begin(ref writer, sequence);
        var changed = false;
        for (var member = 0; member < _granted.Length; member++)
        {
            if (_granted[member] == _committed[member])
                continue;
            changed = true;
            WriteMember(ref writer, sequence, member, delete: !_granted[member]);
            if (writer.Free < BufferSize / 4)
                return Load(now);
        }
        for (var group = 0; group < _leaseEnd.Length; group++)
        {
            var wanted = AnyGranted(group) && _leaseEnd[group] > now;
            if (wanted == _hasLease[group])
                continue;
            changed = true;
            WriteLease(ref writer, sequence, group, wanted ? _leaseEnd[group] - now : null);
        }
        if (!changed)
            return Errno.None;
        NftablesWriter.End(ref writer, sequence);
        if (!Exchange(writer.Finish()).IsSuccess)
            return Load(now);
        _granted.CopyTo(_committed, 0);
        for (var group = 0; group < _leaseEnd.Length; group++)
            _hasLease[group] = AnyGranted(group) && _leaseEnd[group] > now;
        return Errno.None;
    }

    /// <summary>Removes the table: the last step of a clean stop, after the macvlans are gone.</summary>
    public Errno Remove()
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_buffer);
        NftablesWriter.Begin(ref writer, sequence);
        NftablesWriter.DeleteTable(ref writer, sequence, Table);
        NftablesWriter.End(ref writer, sequence);
        return Exchange(writer.Finish());
    }

    /// <summary>Closes the socket. A table with the flag persist stays in the kernel, closed as its leases lapse.</summary>
    public void Dispose() => _socket.Dispose();

    private bool AnyGranted(int group)
    {
        for (var member = 0; member < _granted.Length; member++)
        {
            if (_granted[member] && _layout.Members[member].Group == group)
                return true;
        }
        return false;
    }

    private Errno TryLoad(Instant now, bool delete, bool adopt)
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_buffer);
        NftablesWriter.Begin(ref writer, sequence);
        if (adopt)
            NftablesWriter.NewTable(ref writer, sequence, Table, _flags);
        if (delete)
            NftablesWriter.DeleteTable(ref writer, sequence, Table);
        NftablesWriter.NewTable(ref writer, sequence, Table, _flags);
        WriteSets(ref writer, sequence);
        WriteChains(ref writer, sequence);
        WriteElements(ref writer, sequence, now);
        NftablesWriter.End(ref writer, sequence);
        return Exchange(writer.Finish());
    }

    // nf_tables works through a batch before the system call returns: no answer is success.
    private Errno Exchange(ReadOnlySpan<byte> batch)
    {
        var errno = _socket.Send(batch);
        while (_socket.Receive(_answer, out var length, wait: false).IsSuccess)
        {
            foreach (var message in new NetlinkMessages(_answer.AsSpan(0, length)))
            {
                if (message.Type == NetlinkMessage.ErrorType && message.Error != 0 && errno.IsSuccess)
                    errno = new Errno(message.Error);
            }
        }
        return errno;
    }

    private void WriteSets(ref NetlinkWriter writer, uint sequence)
    {
        NftablesWriter.NewSet(ref writer, sequence, Table, Role, 1, 0, NftablesWriter.TypeInterface, 4, verdicts: true);
        NftablesWriter.NewSet(ref writer, sequence, Table, Held(false), 2, 0, NftablesWriter.TypeIPv4, 4, verdicts: true);
        NftablesWriter.NewSet(ref writer, sequence, Table, Held(true), 3, 0, NftablesWriter.TypeIPv6, 16, verdicts: true);
        NftablesWriter.NewSet(ref writer, sequence, Table, Gate(false), 4, 0, NftablesWriter.TypeIPv4, 4, verdicts: false);
        NftablesWriter.NewSet(ref writer, sequence, Table, Gate(true), 5, 0, NftablesWriter.TypeIPv6, 16, verdicts: false);
        for (var group = 0; group < _layout.Groups.Count; group++)
            WriteGroup(ref writer, sequence, group);
    }

    private static void WriteGroup(ref NetlinkWriter writer, uint sequence, int group)
    {
        const uint LeaseFlags = NftablesWriter.SetTimeout | NftablesWriter.SetEvaluate;
        var (lease, chain) = (Lease(group), Group(group));
        NftablesWriter.NewSet(ref writer, sequence, Table, lease, 6 + (uint)group, LeaseFlags, NftablesWriter.TypeLink, 2, verdicts: false);
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
            List<string> devices = [.. _layout.Members.Select(m => m.Device)];
            WriteMacChain(ref writer, sequence, "mac_in", NftablesWriter.HookIngress, NftablesWriter.MetaInputInterface, devices);
            WriteMacChain(ref writer, sequence, "mac_out", NftablesWriter.HookEgress, NftablesWriter.MetaOutputInterface, devices);
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
        WriteAddressRules(ref writer, sequence, VipIn, 0x0806, 24, ipv6: false, solicitation: false); // ARP: target address
        WriteAddressRules(ref writer, sequence, VipIn, 0x0800, 16, ipv6: false, solicitation: false); // IPv4: destination
        WriteAddressRules(ref writer, sequence, VipIn, 0x86dd, 24, ipv6: true, solicitation: false); // IPv6: destination
        WriteAddressRules(ref writer, sequence, VipIn, 0x86dd, 48, ipv6: true, solicitation: true); // ND: target address
        WriteParentOut(ref writer, sequence);
    }

    private static void WriteMacChain(
        ref NetlinkWriter writer,
        uint sequence,
        string chain,
        uint hook,
        uint interfaceKey,
        List<string> devices
    )
    {
        NftablesWriter.NewChain(ref writer, sequence, Table, chain, hook, IngressPriority, NftablesWriter.VerdictDrop, devices);
        var rule = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
        NftablesWriter.Meta(ref writer, interfaceKey, A);
        NftablesWriter.Lookup(ref writer, Role, A, verdicts: true);
        writer.EndNest(rule);
    }

    // Two rules: held -> the chain of its lease; otherwise, where it is a virtual address at all -> drop.
    private static void WriteAddressRules(
        ref NetlinkWriter writer,
        uint sequence,
        string chain,
        ushort etherType,
        uint offset,
        bool ipv6,
        bool solicitation
    )
    {
        for (var drop = 0; drop < 2; drop++)
        {
            var rule = NftablesWriter.BeginRule(ref writer, sequence, Table, chain);
            NftablesWriter.Meta(ref writer, NftablesWriter.MetaProtocol, A);
            NftablesWriter.Equal(ref writer, A, [(byte)(etherType >> 8), (byte)etherType]);
            if (solicitation)
            {
                NftablesWriter.NetworkHeader(ref writer, 6, 1, A); // next header: ICMPv6
                NftablesWriter.Equal(ref writer, A, [58]);
                NftablesWriter.NetworkHeader(ref writer, 40, 1, A); // type: neighbour solicitation
                NftablesWriter.Equal(ref writer, A, [135]);
            }
            NftablesWriter.NetworkHeader(ref writer, offset, ipv6 ? 16u : 4u, A);
            if (drop == 0)
            {
                NftablesWriter.Lookup(ref writer, Held(ipv6), A, verdicts: true);
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
        }
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
        for (var member = 0; member < _granted.Length; member++)
        {
            if (_granted[member])
                WriteMember(ref writer, sequence, member, delete: false);
        }
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

    private void WriteMember(ref NetlinkWriter writer, uint sequence, int index, bool delete)
    {
        var member = _layout.Members[index];
        var group = delete ? null : Group(member.Group);
        var device = _deviceIndex[index];
        var nest = NftablesWriter.BeginElements(ref writer, sequence, Table, Role, delete);
        NftablesWriter.Element(ref writer, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in device)), group);
        writer.EndNest(nest);
        WriteHeld(ref writer, sequence, member, group, ipv6: false);
        WriteHeld(ref writer, sequence, member, group, ipv6: true);
    }

    private static void WriteHeld(ref NetlinkWriter writer, uint sequence, GateMember member, string? group, bool ipv6)
    {
        Span<byte> key = stackalloc byte[16];
        key = ipv6 ? key : key[..4];
        var count = 0;
        var nest = 0;
        foreach (var address in member.Addresses)
        {
            if (address.IsIPv6 != ipv6)
                continue;
            if (count % ElementsPerMessage == 0)
            {
                if (count > 0)
                    writer.EndNest(nest);
                nest = NftablesWriter.BeginElements(ref writer, sequence, Table, Held(ipv6), delete: group is null);
            }
            address.Address.Write(key);
            NftablesWriter.Element(ref writer, key, group);
            count++;
        }
        if (count > 0)
            writer.EndNest(nest);
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

    private static string Held(bool ipv6) => ipv6 ? "held6" : "held4";

    private static string Gate(bool ipv6) => ipv6 ? "gate6" : "gate4";
}
