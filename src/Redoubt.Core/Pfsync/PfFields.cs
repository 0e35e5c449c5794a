using System.Globalization;
using System.Net.Sockets;

namespace Redoubt.Core.Pfsync;

/// <summary>The fields of a message as text, in the names of the BSDs, to be printed.</summary>
public static class PfFields
{
    /// <summary>Every field of the message, in order.</summary>
    public static IReadOnlyList<(string Name, string Value)> Of(PfFlavour flavour, PfAction action, ReadOnlySpan<byte> message)
    {
        var fields = new List<(string, string)>();
        switch (action.Kind)
        {
            case PfKind.Clear:
                var clear = PfClear.Read(message);
                fields.Add(("ifname", clear.Interface.ToString()));
                fields.Add(("creatorid", Hex(clear.Creator)));
                break;
            case PfKind.InsertAck or PfKind.UpdateRequest or PfKind.DeleteCompressed:
                var reference = PfReference.Read(message);
                fields.Add(("id", Hex(reference.Id)));
                fields.Add(("creatorid", Hex(reference.Creator)));
                break;
            case PfKind.UpdateCompressed:
                var update = PfUpdate.Read(message, flavour);
                fields.Add(("id", Hex(update.Id)));
                Peer(fields, "src", update.Source);
                Peer(fields, "dst", update.Destination);
                fields.Add(("creatorid", Hex(update.Creator)));
                fields.Add(("expire", Number(update.Expire)));
                fields.Add(("timeout", Number(update.Timeout)));
                if (flavour == PfFlavour.OpenBsd)
                    fields.Add(("state_flags", Number(update.Flags)));
                break;
            case PfKind.Bulk:
                var bulk = PfBulk.Read(message);
                fields.Add(("creatorid", Hex(bulk.Creator)));
                fields.Add(("endtime", Number(bulk.EndTime)));
                fields.Add(("status", Number(bulk.Status)));
                fields.Add(
                    (
                        "status_name",
                        bulk.Status switch
                        {
                            1 => "start",
                            2 => "end",
                            _ => "?",
                        }
                    )
                );
                break;
            case PfKind.Tdb:
                Tdb(fields, flavour, PfTdb.Read(message, flavour));
                break;
            case PfKind.Insert or PfKind.Update or PfKind.Delete:
                action.Layout!.Read(message, out var state);
                State(fields, action.Layout, state);
                break;
            default:
                fields.Add(("raw", Convert.ToHexStringLower(message)));
                break;
        }
        return fields;
    }

    private static void State(List<(string, string)> fields, PfStateLayout layout, in PfState state)
    {
        fields.Add(("id", Hex(state.Id)));
        fields.Add(("ifname", state.Interface.ToString()));
        fields.Add(("direction", Number(state.Direction)));
        fields.Add(
            (
                "direction_name",
                state.Direction switch
                {
                    0 => "inout",
                    1 => "in",
                    2 => "out",
                    _ => "?",
                }
            )
        );
        Key(fields, "wire", layout, state.Wire, state.Family);
        Key(fields, "stack", layout, state.Stack, state.Family);
        Peer(fields, "src", state.Source);
        Peer(fields, "dst", state.Destination);
        var family = layout.RouteFamily >= 0 ? state.RouteFamily : state.Family;
        fields.Add(("rt_addr", state.RouteAddress == default ? "" : Address(state.RouteAddress, family)));
        fields.Add(("rule", Number(state.Rule)));
        fields.Add(("anchor", Number(state.Anchor)));
        fields.Add(("nat_rule", Number(state.NatRule)));
        fields.Add(("creation", Number(state.Creation)));
        fields.Add(("expire", Number(state.Expire)));
        fields.Add(("packets.0", Number(state.PacketsForward)));
        fields.Add(("packets.1", Number(state.PacketsBack)));
        fields.Add(("bytes.0", Number(state.BytesForward)));
        fields.Add(("bytes.1", Number(state.BytesBack)));
        fields.Add(("creatorid", Hex(state.Creator)));
        fields.Add(("log", Number(state.Log)));
        fields.Add(("timeout", Number(state.Timeout)));
        fields.Add(("state_flags", Number(state.Flags)));
        Options(fields, layout, state);
    }

    private static void Options(List<(string, string)> fields, PfStateLayout layout, in PfState state)
    {
        If(fields, layout.Family, "af", state.Family);
        If(fields, layout.WireFamily, "wire_af", state.Wire.Family);
        If(fields, layout.StackFamily, "stack_af", state.Stack.Family);
        If(fields, layout.RouteFamily, "rt_af", state.RouteFamily);
        If(fields, layout.Protocol, layout.StackProtocol >= 0 ? "wire_proto" : "proto", state.Protocol);
        If(fields, layout.StackProtocol, "stack_proto", state.StackProtocol);
        If(fields, layout.SyncFlags, "sync_flags", state.SyncFlags);
        If(fields, layout.Updates, "updates", state.Updates);
        If(fields, layout.Queues, "qid", state.Queue);
        If(fields, layout.Queues, "pqid", state.PriorityQueue);
        If(fields, layout.Queues, "dnpipe", state.Pipe);
        If(fields, layout.Queues, "dnrpipe", state.ReplyPipe);
        If(fields, layout.RoutingTable, layout.ReplyRoutingTable >= 0 ? "rtableid.0" : "rtableid", state.RoutingTable);
        If(fields, layout.ReplyRoutingTable, "rtableid.1", state.ReplyRoutingTable);
        If(fields, layout.MinTtl, "min_ttl", state.MinTtl);
        If(fields, layout.MinTtl, "set_tos", state.SetTos);
        If(fields, layout.MaxMss, "max_mss", state.MaxMss);
        If(fields, layout.SetPriority, "set_prio.0", state.SetPriority);
        If(fields, layout.SetPriority, "set_prio.1", state.SetPriorityLowDelay);
        If(fields, layout.Route, "rt", state.Route);
        if (layout.RouteInterface >= 0)
            fields.Add(("rt_ifname", state.RouteInterface.ToString()));
        if (layout.OriginalInterface >= 0)
            fields.Add(("orig_ifname", state.OriginalInterface.ToString()));
        if (layout.Tag >= 0)
            fields.Add(("tagname", state.Tag.ToString()));
    }

    private static void Tdb(List<(string, string)> fields, PfFlavour flavour, in PfTdb tdb)
    {
        fields.Add(("spi", Number(tdb.Spi)));
        fields.Add(("dst.len", Number(tdb.AddressLength)));
        fields.Add(("dst.family", Number(tdb.Family)));
        fields.Add(("dst.addr", Address(tdb.Destination, tdb.Family)));
        fields.Add(("rpl", Number(tdb.Replay)));
        fields.Add(("cur_bytes", Number(tdb.Bytes)));
        fields.Add(("sproto", Number(tdb.Protocol)));
        fields.Add(("updates", Number(tdb.Updates)));
        if (flavour == PfFlavour.OpenBsd)
            fields.Add(("rdomain", Number(tdb.RoutingDomain)));
    }

    private static void Key(List<(string, string)> fields, string name, PfStateLayout layout, in PfKey key, byte family)
    {
        var own = key.Family == 0 ? family : key.Family;
        fields.Add(($"{name}.addr.0", Address(key.Address0, own)));
        fields.Add(($"{name}.addr.1", Address(key.Address1, own)));
        fields.Add(($"{name}.port.0", Number(key.Port0)));
        fields.Add(($"{name}.port.1", Number(key.Port1)));
        if (layout.Flavour == PfFlavour.FreeBsd)
            return;
        fields.Add(($"{name}.af", Number(key.Family)));
        fields.Add(($"{name}.rdomain", Number(key.RoutingDomain)));
    }

    private static void Peer(List<(string, string)> fields, string name, in PfPeer peer)
    {
        fields.Add(($"{name}.scrub.flags", Number(peer.ScrubFlags)));
        fields.Add(($"{name}.scrub.ttl", Number(peer.ScrubTtl)));
        fields.Add(($"{name}.scrub.scrub_flag", Number(peer.ScrubValid)));
        fields.Add(($"{name}.scrub.ts_mod", Number(peer.TimestampModulator)));
        fields.Add(($"{name}.seqlo", Number(peer.SequenceLow)));
        fields.Add(($"{name}.seqhi", Number(peer.SequenceHigh)));
        fields.Add(($"{name}.seqdiff", Number(peer.SequenceDifference)));
        fields.Add(($"{name}.max_win", Number(peer.MaxWindow)));
        fields.Add(($"{name}.mss", Number(peer.Mss)));
        fields.Add(($"{name}.state", Number(peer.State)));
        fields.Add(($"{name}.wscale", Number(peer.WindowScale)));
    }

    private static void If(List<(string, string)> fields, int offset, string name, long value)
    {
        if (offset >= 0)
            fields.Add((name, value.ToString(CultureInfo.InvariantCulture)));
    }

    private static string Address(IpAddressValue address, byte family) =>
        address.ToIPAddress(family == PfFlavourNumbers.FamilyIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6).ToString();

    private static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);

    private static string Hex(uint value) => value.ToString("x8", CultureInfo.InvariantCulture);

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
