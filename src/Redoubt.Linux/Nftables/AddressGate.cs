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
/// map role_in, role_out { macvlan : goto group }     the macvlans that hear and speak
/// map answer4/6, held4/6 { address : goto group }    addresses that are answered for; that take packets;   set gate4/6: all virtual ones
/// mac_in, mac_out   on the macvlans, policy drop:  the device's role
/// vip_in            on the parents, ingress: ARP, ND: answer -> its group; IPv4, IPv6: held -> its group; else in gate -> drop
/// parent_out        on the parents, egress: a renewing mark while the lease lives -> prolong it, accept; an announcing mark while
///                   the lease lives -> accept; else drop
/// </code>
/// A member is closed, open, or open for packets: it takes and forwards what is sent to it, but answers for nothing and says nothing.
/// The key of a lease is the link's type, because that is the same for every frame and a lookup needs a key that comes from one.
/// A frozen daemon sends no advertisement, so its lease lapses and the node is silent; an advertisement that leaves after that
/// is dropped instead of reviving the lease. The table is loaded before a macvlan comes up and belongs to this socket (flags owner and
/// persist) where the kernel has both, so that the flushing of somebody else's rules leaves it alone. Owned by one thread.
/// </summary>
public sealed partial class AddressGate : IDisposable
{
    /// <summary>The table's name, in the family netdev.</summary>
    public const string Table = "redoubt_gate";

    private readonly NetlinkSocket _socket = new(NetlinkSocket.Netfilter);
    private readonly byte[] _buffer;
    private readonly byte[] _answer = new byte[16 * 1024];
    private readonly GateLayout _layout;
    private readonly GateOpening[] _wanted;
    private readonly GateOpening[] _committed;
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
        _wanted = new GateOpening[layout.Members.Count];
        _committed = new GateOpening[layout.Members.Count];
        _leaseEnd = new Instant[layout.Groups.Count];
        _hasLease = new bool[layout.Groups.Count];
        _deviceIndex = [.. layout.Members.Select(m => m.DeviceIndex)];
        _socket.SetReceiveBuffer(1 << 20);
        _buffer = new byte[BatchSize(layout)];
        _socket.SetSendBuffer(_buffer.Length);
    }

    /// <summary>True where the kernel protects the table from others (owner and persist).</summary>
    public bool IsOwned => _flags != 0;

    /// <summary>The netlink port whose changes to tables are our own.</summary>
    public uint Port => _socket.Port;

    /// <summary>How long a group's lease lasts from each renewal.</summary>
    public TimeSpan Lifetime(int group, bool demoted) => demoted ? _layout.Groups[group].DemotedLifetime : _layout.Groups[group].Lifetime;

    /// <summary>Notes that a proof left at <paramref name="sent"/>, so that a reload gives the lease no more than what is left of it.</summary>
    public void Renewed(int group, Instant sent, bool demoted) => _leaseEnd[group] = sent + Lifetime(group, demoted);

    /// <summary>The same for a proof that lets the lease end at another time: a heartbeat.</summary>
    public void Renewed(int group, Instant leaseEnd) => _leaseEnd[group] = leaseEnd;

    /// <summary>When the group's lease ends by the proofs noted; <see cref="Instant.Zero"/> where there is none.</summary>
    public Instant LeaseEnd(int group) => _leaseEnd[group];

    /// <summary>Opens a member's gate with the next <see cref="Commit"/>. A group without a living lease gets one from now on, of the
    /// lifetime given, or that of an advertisement.</summary>
    public void Grant(int member, Instant now, TimeSpan? lifetime = null) => Open(member, GateOpening.Open, now, lifetime);

    /// <summary>
    /// Like <see cref="Grant"/>, but for packets alone: for the moment in which another node is asked to yield, and switches send here already what
    /// neighbours send to the virtual MAC.
    /// </summary>
    public void Admit(int member, Instant now, TimeSpan? lifetime = null) => Open(member, GateOpening.Packets, now, lifetime);

    /// <summary>Closes a member's gate with the next <see cref="Commit"/>; the last one of a group ends its lease.</summary>
    public void Revoke(int member)
    {
        _wanted[member] = GateOpening.Closed;
        var group = _layout.Members[member].Group;
        if (!AnyGranted(group))
            _leaseEnd[group] = Instant.Zero;
    }

    /// <summary>
    /// Leaves an open member's gate open, with the next <see cref="Commit"/>, for packets alone: somebody else answers for its addresses from now
    /// on, and what neighbours still send here is not lost. Lasts until <see cref="Revoke"/> or the end of the lease.
    /// </summary>
    public void Drain(int member)
    {
        if (_wanted[member] == GateOpening.Open)
            _wanted[member] = GateOpening.Packets;
    }

    /// <summary>A member's macvlan was created anew; takes effect with the next <see cref="Load"/>.</summary>
    public void Rebind(int member, int deviceIndex) => _deviceIndex[member] = deviceIndex;

    /// <summary>Whether a member's gate is open, and not only drains, as far as this object knows.</summary>
    public bool IsGranted(int member) => _wanted[member] == GateOpening.Open;

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
            _wanted.CopyTo(_committed, 0);
        return errno;
    }

    /// <summary>Brings grants and revocations into the kernel in one transaction. Where it is refused, the whole table is loaded anew.</summary>
    public Errno Commit(Instant now)
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_buffer);
        NftablesWriter.Begin(ref writer, sequence);
        var changed = !_wanted.AsSpan().SequenceEqual(_committed);
        if (changed)
            WriteMembers(ref writer, sequence, _committed);
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
        _wanted.CopyTo(_committed, 0);
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

    // Bytes of the largest batch, the whole table, with something to spare: the element of a map has 60 to 80, and each device and address stands in two; a group has up to 18 rules.
    private static int BatchSize(GateLayout layout) =>
        (64 << 10) + (layout.Groups.Count * (6 << 10)) + (layout.Members.Count * 256) + (layout.Members.Sum(m => m.Addresses.Count) * 256);

    private void Open(int member, GateOpening opening, Instant now, TimeSpan? lifetime)
    {
        _wanted[member] = opening;
        var group = _layout.Members[member].Group;
        if (_leaseEnd[group] > now)
            return;
        _leaseEnd[group] = now + (lifetime ?? Lifetime(group, demoted: false));
        _hasLease[group] = false; // what the kernel has of the last one has lapsed, or does so now
    }

    private bool AnyGranted(int group)
    {
        for (var member = 0; member < _wanted.Length; member++)
        {
            if (_wanted[member] != GateOpening.Closed && _layout.Members[member].Group == group)
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
}
