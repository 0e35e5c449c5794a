using System.Runtime.InteropServices;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Nftables;

/// <summary>
/// nf_tables messages on top of <see cref="NetlinkWriter"/>: only what the address gate needs, because a process
/// start is too slow for a failover. What is written here, nft can list and understand.
/// Numbers: linux/netfilter/nf_tables.h. Registers 1 and 2 are the 16-byte ones.
/// </summary>
internal static class NftablesWriter
{
    public const byte FamilyNetdev = 5; // NFPROTO_NETDEV
    public const uint HookIngress = 0; // NF_NETDEV_INGRESS
    public const uint HookEgress = 1; // NF_NETDEV_EGRESS
    public const uint VerdictDrop = 0;
    public const uint VerdictAccept = 1;
    public const uint MetaProtocol = 1; // NFT_META_PROTOCOL
    public const uint MetaMark = 3; // NFT_META_MARK
    public const uint MetaInputInterface = 4; // NFT_META_IIF
    public const uint MetaOutputInterface = 5; // NFT_META_OIF
    public const uint MetaInputType = 8; // NFT_META_IIFTYPE
    public const uint MetaOutputType = 9; // NFT_META_OIFTYPE
    public const uint TypeIPv4 = 7;
    public const uint TypeIPv6 = 8;
    public const uint TypeInterface = 20;
    public const uint TypeLink = 21; // iface_type
    public const uint SetMap = 0x8;
    public const uint SetTimeout = 0x10;
    public const uint SetEvaluate = 0x20;
    public const uint TableOwner = 0x2; // NFT_TABLE_F_OWNER, 5.12
    public const uint TablePersist = 0x4; // NFT_TABLE_F_PERSIST, 6.9

    // libnftnl: udata { NFTNL_UDATA_SET_KEYBYTEORDER 0, 4 bytes, BYTEORDER_HOST_ENDIAN 1 }
    private static ReadOnlySpan<byte> _hostEndianKey => BitConverter.IsLittleEndian ? [0, 4, 1, 0, 0, 0] : [0, 4, 0, 0, 0, 1];

    private const uint GoTo = unchecked((uint)-4); // NFT_GOTO
    private const ushort Subsystem = 10 << 8; // NFNL_SUBSYS_NFTABLES
    private const ushort BatchBegin = 0x10;
    private const ushort BatchEnd = 0x11;
    private const ushort NewTableMessage = Subsystem | 0;
    private const ushort DeleteTableMessage = Subsystem | 2;
    private const ushort NewChainMessage = Subsystem | 3;
    private const ushort NewRuleMessage = Subsystem | 6;
    private const ushort NewSetMessage = Subsystem | 9;
    private const ushort NewElementMessage = Subsystem | 12;
    private const ushort DeleteElementMessage = Subsystem | 14;

    public static void Begin(ref NetlinkWriter writer, uint sequence) => Batch(ref writer, BatchBegin, sequence);

    public static void End(ref NetlinkWriter writer, uint sequence)
    {
        Batch(ref writer, BatchEnd, sequence);
        writer.EndMessage();
    }

    public static void NewTable(ref NetlinkWriter writer, uint sequence, string table, uint flags)
    {
        Message(ref writer, NewTableMessage, NetlinkFlags.Create, sequence);
        writer.PutString(1, table);
        writer.PutUInt32BE(2, flags);
    }

    public static void DeleteTable(ref NetlinkWriter writer, uint sequence, string table)
    {
        Message(ref writer, DeleteTableMessage, NetlinkFlags.None, sequence);
        writer.PutString(1, table);
    }

    /// <summary>A base chain of type filter on devices.</summary>
    public static void NewChain(
        ref NetlinkWriter writer,
        uint sequence,
        string table,
        string chain,
        uint hook,
        int priority,
        uint policy,
        IReadOnlyList<string> devices
    )
    {
        Message(ref writer, NewChainMessage, NetlinkFlags.Create, sequence);
        writer.PutString(1, table);
        writer.PutString(3, chain);
        var nest = writer.BeginNest(4); // NFTA_CHAIN_HOOK
        writer.PutUInt32BE(1, hook);
        writer.PutUInt32BE(2, (uint)priority);
        var names = writer.BeginNest(4); // NFTA_HOOK_DEVS
        foreach (var device in devices)
            writer.PutString(1, device);
        writer.EndNest(names);
        writer.EndNest(nest);
        writer.PutUInt32BE(5, policy);
        writer.PutString(7, "filter");
    }

    /// <summary>A chain that others go to.</summary>
    public static void NewChain(ref NetlinkWriter writer, uint sequence, string table, string chain)
    {
        Message(ref writer, NewChainMessage, NetlinkFlags.Create, sequence);
        writer.PutString(1, table);
        writer.PutString(3, chain);
    }

    /// <summary>A set, or a map from keys to verdicts.</summary>
    public static void NewSet(
        ref NetlinkWriter writer,
        uint sequence,
        string table,
        string set,
        uint id,
        uint flags,
        uint keyType,
        uint keyLength,
        bool verdicts
    )
    {
        Message(ref writer, NewSetMessage, NetlinkFlags.Create, sequence);
        writer.PutString(1, table);
        writer.PutString(2, set);
        writer.PutUInt32BE(3, flags | (verdicts ? SetMap : 0));
        writer.PutUInt32BE(4, keyType);
        writer.PutUInt32BE(5, keyLength);
        if (verdicts)
        {
            writer.PutUInt32BE(6, 0xffff_ff00); // NFT_DATA_VERDICT
            writer.PutUInt32BE(7, 0);
        }
        writer.PutUInt32BE(10, id); // NFTA_SET_ID: any number, unlike those of the other sets in the batch
        if (keyType is TypeInterface or TypeLink)
            writer.Put(13, _hostEndianKey); // NFTA_SET_USERDATA: how nft prints the keys
    }

    /// <summary>Begins the elements of one set; end the returned nest after the last <see cref="Element"/>.</summary>
    public static int BeginElements(ref NetlinkWriter writer, uint sequence, string table, string set, bool delete)
    {
        Message(ref writer, delete ? DeleteElementMessage : NewElementMessage, delete ? NetlinkFlags.None : NetlinkFlags.Create, sequence);
        writer.PutString(1, table);
        writer.PutString(2, set);
        return writer.BeginNest(3);
    }

    /// <summary>One element; <paramref name="goTo"/> is the chain of a map's verdict, the timeout that of a set with timeouts.</summary>
    public static void Element(ref NetlinkWriter writer, scoped ReadOnlySpan<byte> key, string? goTo = null, TimeSpan? timeout = null)
    {
        var element = writer.BeginNest(1);
        Data(ref writer, 1, key);
        if (goTo is not null)
        {
            var value = writer.BeginNest(2);
            var verdict = writer.BeginNest(2); // NFTA_DATA_VERDICT
            writer.PutUInt32BE(1, GoTo);
            writer.PutString(2, goTo);
            writer.EndNest(verdict);
            writer.EndNest(value);
        }
        if (timeout is { } time)
            writer.PutUInt64BE(4, (ulong)Math.Max(1, (long)time.TotalMilliseconds));
        writer.EndNest(element);
    }

    /// <summary>Begins a rule at the end of a chain; give the two tokens to <see cref="EndRule"/>.</summary>
    public static int BeginRule(ref NetlinkWriter writer, uint sequence, string table, string chain)
    {
        Message(ref writer, NewRuleMessage, NetlinkFlags.Create | NetlinkFlags.Append, sequence);
        writer.PutString(1, table);
        writer.PutString(2, chain);
        return writer.BeginNest(4);
    }

    public static void Meta(ref NetlinkWriter writer, uint key, uint register)
    {
        var (element, data) = BeginExpression(ref writer, "meta");
        writer.PutUInt32BE(2, key);
        writer.PutUInt32BE(1, register);
        EndExpression(ref writer, element, data);
    }

    /// <summary>Loads bytes behind the start of the network header into a register.</summary>
    public static void NetworkHeader(ref NetlinkWriter writer, uint offset, uint length, uint register)
    {
        var (element, data) = BeginExpression(ref writer, "payload");
        writer.PutUInt32BE(1, register);
        writer.PutUInt32BE(2, 1); // NFT_PAYLOAD_NETWORK_HEADER
        writer.PutUInt32BE(3, offset);
        writer.PutUInt32BE(4, length);
        EndExpression(ref writer, element, data);
    }

    /// <summary>Goes on only where the register equals the bytes.</summary>
    public static void Equal(ref NetlinkWriter writer, uint register, scoped ReadOnlySpan<byte> value)
    {
        var (element, data) = BeginExpression(ref writer, "cmp");
        writer.PutUInt32BE(1, register);
        writer.PutUInt32BE(2, 0); // NFT_CMP_EQ
        Data(ref writer, 3, value);
        EndExpression(ref writer, element, data);
    }

    /// <summary>Goes on only where the register is a key of the set; of a map, the verdict found is taken.</summary>
    public static void Lookup(ref NetlinkWriter writer, string set, uint register, bool verdicts = false)
    {
        var (element, data) = BeginExpression(ref writer, "lookup");
        writer.PutString(1, set);
        writer.PutUInt32BE(2, register);
        if (verdicts)
            writer.PutUInt32BE(3, 0); // NFT_REG_VERDICT
        EndExpression(ref writer, element, data);
    }

    /// <summary>Adds the key in the register to a set, or makes its life last <paramref name="timeout"/> from now on.</summary>
    public static void Update(ref NetlinkWriter writer, string set, uint register, TimeSpan timeout)
    {
        var (element, data) = BeginExpression(ref writer, "dynset");
        writer.PutString(1, set);
        writer.PutUInt32BE(3, 1); // NFT_DYNSET_OP_UPDATE
        writer.PutUInt32BE(4, register);
        writer.PutUInt64BE(6, (ulong)timeout.TotalMilliseconds);
        EndExpression(ref writer, element, data);
    }

    public static void Counter(ref NetlinkWriter writer)
    {
        var (element, data) = BeginExpression(ref writer, "counter");
        EndExpression(ref writer, element, data);
    }

    public static void Verdict(ref NetlinkWriter writer, uint verdict)
    {
        var (element, data) = BeginExpression(ref writer, "immediate");
        writer.PutUInt32BE(1, 0); // NFT_REG_VERDICT
        var value = writer.BeginNest(2);
        var nest = writer.BeginNest(2); // NFTA_DATA_VERDICT
        writer.PutUInt32BE(1, verdict);
        writer.EndNest(nest);
        writer.EndNest(value);
        EndExpression(ref writer, element, data);
    }

    private static (int Element, int Data) BeginExpression(ref NetlinkWriter writer, string name)
    {
        var element = writer.BeginNest(1); // NFTA_LIST_ELEM
        writer.PutString(1, name);
        return (element, writer.BeginNest(2));
    }

    private static void EndExpression(ref NetlinkWriter writer, int element, int data)
    {
        writer.EndNest(data);
        writer.EndNest(element);
    }

    private static void Data(ref NetlinkWriter writer, ushort type, scoped ReadOnlySpan<byte> value)
    {
        var nest = writer.BeginNest(type);
        writer.Put(1, value); // NFTA_DATA_VALUE
        writer.EndNest(nest);
    }

    // nfgenmsg = family u8 | version u8 | resource id u16 BE
    private static void Message(ref NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence)
    {
        writer.BeginMessage(type, NetlinkFlags.Request | flags, sequence);
        writer.Reserve(4)[0] = FamilyNetdev;
    }

    private static void Batch(ref NetlinkWriter writer, ushort type, uint sequence)
    {
        writer.BeginMessage(type, NetlinkFlags.Request, sequence);
        writer.Reserve(4)[3] = Subsystem >> 8;
    }
}
