using System.Net;
using System.Text.Json;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;
using Redoubt.Tests.Vectors;

namespace Redoubt.Tests.PlainPfsync;

/// <summary>Connections in pf's words and back, against the states of the golden vectors.</summary>
public sealed class PfStateMapTests
{
    public static TheoryData<string> Files =>
        ["freebsd-state-1301", "freebsd-state-1400", "freebsd-state-1500", "openbsd-v6", "freebsd-packets"];

    private static PfFormat FormatOf(PfStateLayout layout) =>
        new[] { PfFormat.FreeBsd1301, PfFormat.FreeBsd1400, PfFormat.FreeBsd1500, PfFormat.OpenBsd }.Single(f => f.Layout == layout);

    private static IEnumerable<(string Id, PfFormat Format, PfState State, JsonElement Meaning)> States(string file)
    {
        var path = Path.Combine(VectorTests.FindRoot(), "pfsync", file + ".json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        foreach (var vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            if (vector.GetProperty("category").GetString() != "valid" || !vector.TryGetProperty("semantics", out var semantics))
                continue;
            var flavour = vector.GetProperty("flavour").GetString() == "freebsd" ? PfFlavour.FreeBsd : PfFlavour.OpenBsd;
            var states = Read(Convert.FromHexString(vector.GetProperty("payload").GetString()!), flavour);
            foreach (var ((layout, state), meaning) in states.Zip(semantics.EnumerateArray()))
                yield return (vector.GetProperty("id").GetString()!, FormatOf(layout), state, meaning.GetProperty("state").Clone());
        }
    }

    private static List<(PfStateLayout Layout, PfState State)> Read(byte[] payload, PfFlavour flavour)
    {
        var states = new List<(PfStateLayout, PfState)>();
        var reader = new PfPacketReader(payload, flavour, 255);
        while (reader.MoveSection())
        while (reader.MoveMessage())
        {
            if (reader.Action.Layout is not { } layout)
                continue;
            layout.Read(reader.Message, out var state);
            states.Add((layout, state));
        }
        return states;
    }

    private static ConntrackEntry Alone(bool isOut, ConntrackTuple inner, ConntrackTuple outer) =>
        isOut
            ? new ConntrackEntry { Original = inner, Reply = outer }
            : new ConntrackEntry { Original = outer, Reply = PfStateMap.Mirror(inner) };

    private static (IpAddressValue, ushort, IpAddressValue, ushort) Ends(JsonElement tuple) =>
        (
            IpAddressValue.From(IPAddress.Parse(tuple.GetProperty("src").GetString()!)),
            tuple.GetProperty("sport").GetUInt16(),
            IpAddressValue.From(IPAddress.Parse(tuple.GetProperty("dst").GetString()!)),
            tuple.GetProperty("dport").GetUInt16()
        );

    private static (IpAddressValue, ushort, IpAddressValue, ushort) Ends(ConntrackTuple tuple) =>
        (tuple.Source, tuple.SourcePort, tuple.Destination, tuple.DestinationPort);

    [Theory]
    [MemberData(nameof(Files))]
    public void A_state_is_the_entry_that_the_vectors_name(string file)
    {
        var compared = 0;
        foreach (var (id, format, state, meaning) in States(file))
        {
            var isTwoFamilies = PfEndpoints.Of(state) is var ends && ends.Family != ends.TranslatedFamily;
            if (!meaning.TryGetProperty("conntrack_orig", out var original) || state.Protocol is not (6 or 17) || isTwoFamilies)
                continue;
            Assert.True(PfStateMap.TryRead(state, format, out var isOut, out var inner, out var outer), id);
            var entry = Alone(isOut, inner, outer);
            Assert.Equal(Ends(original), Ends(entry.Original));
            Assert.Equal(Ends(meaning.GetProperty("conntrack_reply")), Ends(entry.Reply));
            compared++;
        }
        Assert.True(compared > 3, $"{compared} states");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void An_entry_is_written_as_the_keys_it_was_read_from(string file)
    {
        foreach (var (id, format, state, _) in States(file))
        {
            if (!PfStateMap.TryRead(state, format, out var isOut, out var inner, out var outer))
                continue;
            var entry = Alone(isOut, inner, outer);
            PfStateMap.Write(entry, default, isOut, format, out var again);
            // Format 1301 comes with either view of ICMP's ports.
            if (!format.HasIdInBothPorts || state.Protocol is not (1 or 58))
                Assert.Equal(PfEndpoints.Of(state), PfEndpoints.Of(again));
            Assert.Equal(state.Family is 0 ? state.Wire.Family : state.Family, again.Family);
            Assert.Equal(state.Protocol, again.Protocol);
            Assert.True(PfStateMap.TryRead(again, format, out var isOutAgain, out var innerAgain, out var outerAgain), id);
            Assert.Equal((isOut, inner, outer), (isOutAgain, innerAgain, outerAgain));
        }
    }

    [Fact]
    public void Two_families_and_sctp_are_no_entry()
    {
        var refused = States("freebsd-state-1500").Where(s => !PfStateMap.TryRead(s.State, s.Format, out _, out _, out _)).ToList();
        Assert.NotEmpty(refused);
        Assert.All(
            refused,
            s => Assert.True(PfEndpoints.Of(s.State).Family != PfEndpoints.Of(s.State).TranslatedFamily || s.State.Protocol == 132, s.Id)
        );
        Assert.False(
            PfStateMap.CanTell(
                new ConntrackEntry
                {
                    Original = new ConntrackTuple { Family = 2, Protocol = 132 },
                }
            )
        );
        Assert.False(
            PfStateMap.CanTell(
                new ConntrackEntry
                {
                    Original = new ConntrackTuple
                    {
                        Family = 2,
                        Protocol = 47,
                        SourcePort = 7,
                    },
                }
            )
        );
        Assert.True(
            PfStateMap.CanTell(
                new ConntrackEntry
                {
                    Original = new ConntrackTuple { Family = 10, Protocol = 6 },
                }
            )
        );
    }

    [Theory]
    [InlineData(1, 2, 0, 0)]
    [InlineData(2, 4, 2, 1)]
    [InlineData(3, 4, 4, 2)]
    [InlineData(4, 7, 4, 3)]
    [InlineData(5, 9, 4, 3)]
    [InlineData(6, 9, 7, 4)]
    [InlineData(7, 9, 9, 5)]
    [InlineData(8, 10, 10, 5)]
    [InlineData(9, 2, 2, 1)]
    public void TCP_states_go_over_and_come_back(byte conntrack, byte source, byte destination, byte timeout)
    {
        Assert.Equal((source, destination), PfTcp.ToPf(conntrack, responderCloses: false));
        Assert.Equal(timeout, PfTimeout.OfTcp(source, destination));
        Assert.Equal(conntrack, PfTcp.ToConntrack(source, destination));
        Assert.Equal(conntrack, PfTcp.ToConntrack(destination, source));
        if (conntrack is 4 or 5 or 6)
        {
            Assert.Equal((destination, source), PfTcp.ToPf(conntrack, responderCloses: true));
            Assert.True(PfTcp.ResponderCloses(destination, source));
            Assert.False(PfTcp.ResponderCloses(source, destination));
        }
    }

    [Fact]
    public void Every_pair_of_peers_has_a_state()
    {
        for (byte source = 0; source <= PfPeer.HighestState; source++)
        for (byte destination = 0; destination <= PfPeer.HighestState; destination++)
        {
            Assert.InRange(PfTcp.ToConntrack(source, destination), 1, 9);
            Assert.InRange(PfTimeout.OfTcp(source, destination), 0, 5);
        }
    }
}
