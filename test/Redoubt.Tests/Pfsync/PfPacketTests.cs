using System.Text.Json;
using Redoubt.Core.Carp;
using Redoubt.Core.Pfsync;

namespace Redoubt.Tests.Pfsync;

public sealed class PfPacketTests
{
    private static readonly PfStateLayout[] Layouts = [PfState1301.Layout, PfState1400.Layout, PfState1500.Layout, PfStateOpenBsd.Layout];

    private static PfState Some(PfStateLayout layout, Random random)
    {
        var bytes = new byte[layout.Length];
        random.NextBytes(bytes);
        layout.Read(bytes, out var state);
        state.Interface = PfName.All;
        state.OriginalInterface = PfName.All;
        state.RouteInterface = default;
        state.Tag = default;
        state.Family = state.Wire.Family = state.Stack.Family = state.RouteFamily = layout.Flavour.FamilyIPv6();
        state.Source.State = state.Destination.State = 4;
        state.Direction = 1;
        state.Timeout = 2;
        state.Creator |= 1;
        return state;
    }

    [Fact]
    public void AStateThatIsWrittenIsReadAgainInEveryFormat() =>
        Seeds.ForEach(
            200,
            seed =>
            {
                var random = new Random(seed);
                foreach (var layout in Layouts)
                {
                    var (first, second) = (new byte[layout.Length], new byte[layout.Length]);
                    layout.Write(first, Some(layout, random));
                    layout.Read(first, out var state);
                    Assert.Equal(PfRejection.None, layout.Check(state));
                    layout.Write(second, state);
                    Assert.Equal(first, second);
                }
            }
        );

    [Fact]
    public void NoBytesBreakTheReaderOrTheDecoder() =>
        Seeds.ForEach(
            300,
            seed =>
            {
                var random = new Random(seed);
                foreach (var layout in Layouts)
                {
                    var packet = Packet(layout, Some(layout, random));
                    for (var i = random.Next(6); i >= 0; i--)
                        packet[random.Next(packet.Length)] = (byte)random.Next(256);
                    var cut = packet.AsSpan(0, random.Next(packet.Length + 1)).ToArray();
                    foreach (var bytes in new[] { packet, cut })
                    {
                        var reader = new PfPacketReader(bytes, layout.Flavour, 255);
                        var messages = 0;
                        while (reader.MoveSection())
                        while (reader.MoveMessage())
                            messages++;
                        Assert.InRange(reader.Accepted, 0, messages);
                        Assert.NotNull(PfsyncDecoder.Decode(bytes, new DecoderOptions()).Verdict);
                    }
                }
            }
        );

    [Fact]
    public void StatesOfFormat1301GetASectionEach()
    {
        var buffer = new byte[1480];
        var action = PfAction.Of(PfFlavour.FreeBsd, PfKind.Insert, PfState1301.Layout)!;
        var writer = new PfPacketWriter(buffer, PfFlavour.FreeBsd, buffer.Length);
        while (writer.Append(buffer, action) is { IsEmpty: false } room)
            PfState1301.Layout.Write(room, Some(PfState1301.Layout, new Random(1)));
        var reader = new PfPacketReader(buffer.AsSpan(0, writer.Finish(buffer)), PfFlavour.FreeBsd, 255);
        var sections = 0;
        while (reader.MoveSection() && reader.Action.Kind == PfKind.Insert)
        {
            sections++;
            Assert.Equal(1, reader.Count);
        }
        Assert.Equal(5, sections);
    }

    [Fact]
    public void StatesOfFormat1400ShareASectionUpToTheLimit()
    {
        var buffer = new byte[1480];
        var action = PfAction.Of(PfFlavour.FreeBsd, PfKind.Insert, PfState1400.Layout)!;
        var writer = new PfPacketWriter(buffer, PfFlavour.FreeBsd, buffer.Length);
        while (writer.Append(buffer, action) is { IsEmpty: false } room)
            PfState1400.Layout.Write(room, Some(PfState1400.Layout, new Random(1)));
        var reader = new PfPacketReader(buffer.AsSpan(0, writer.Finish(buffer)), PfFlavour.FreeBsd, 255);
        Assert.True(reader.MoveSection());
        Assert.Equal(5, reader.Count);
    }

    [Theory]
    [InlineData(255, PfRejection.None)]
    [InlineData(-1, PfRejection.None)]
    [InlineData(254, PfRejection.BadTtl)]
    [InlineData(0, PfRejection.BadTtl)]
    public void OnlyATtlOf255IsAccepted(int ttl, PfRejection expected) =>
        Assert.Equal(
            expected,
            new PfPacketReader(Packet(PfState1400.Layout, Some(PfState1400.Layout, new Random(1))), PfFlavour.FreeBsd, ttl).Rejection
        );

    [Fact]
    public void AFlavourDoesNotTakeTheOthersFamilyNumber()
    {
        var layout = PfStateOpenBsd.Layout;
        var state = Some(layout, new Random(1));
        Assert.Equal(PfRejection.None, layout.Check(state));
        state.Wire.Family = PfFlavour.FreeBsd.FamilyIPv6();
        Assert.Equal(PfRejection.BadValue, layout.Check(state));
    }

    [Fact]
    public void ReadingAndWritingAllocateNothing()
    {
        var layout = PfState1500.Layout;
        var packet = Packet(layout, Some(layout, new Random(1)));
        var buffer = new byte[1480];
        Walk(packet, buffer);
        Assert.Equal(0, Allocated.During(1000, _ => Walk(packet, buffer)));
    }

    private static void Walk(byte[] packet, byte[] buffer)
    {
        var writer = new PfPacketWriter(buffer, PfFlavour.FreeBsd, buffer.Length);
        var reader = new PfPacketReader(packet, PfFlavour.FreeBsd, 255);
        while (reader.MoveSection())
        while (reader.MoveMessage())
        {
            reader.Action.Layout!.Read(reader.Message, out var state);
            reader.Action.Layout.Write(writer.Append(buffer, reader.Action), state);
        }
        writer.Finish(buffer);
    }

    private static byte[] Packet(PfStateLayout layout, in PfState state)
    {
        var buffer = new byte[1480];
        var writer = new PfPacketWriter(buffer, layout.Flavour, buffer.Length);
        layout.Write(writer.Append(buffer, PfAction.Of(layout.Flavour, PfKind.Insert, layout)!), state);
        return buffer[..writer.Finish(buffer)];
    }
}
