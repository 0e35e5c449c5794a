using System.Text.Json;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;
using Redoubt.Tests.StateSync;
using Redoubt.Tests.Vectors;

namespace Redoubt.Tests.PlainPfsync;

/// <summary>Every golden packet, also those that are none, as a node receives it.</summary>
public sealed class VectorReplayTests
{
    public static TheoryData<string> Files =>
        ["freebsd-actions", "freebsd-packets", "freebsd-state-1301", "freebsd-state-1400", "freebsd-state-1500", "malformed", "openbsd-v6"];

    private sealed class Wire : IDatagramSink
    {
        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram) => true;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void What_is_whole_is_taken_and_what_is_not_changes_nothing(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(VectorTests.FindRoot(), "pfsync", file + ".json")));
        var refused = 0;
        var known = 0;
        foreach (var vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            var isFreeBsd = vector.GetProperty("flavour").GetString() == "freebsd";
            var table = new SimulatedTable(new Random(1));
            var engine = new PlainPfsyncEngine(
                new PlainPfsyncOptions
                {
                    HostId = 1,
                    FirstId = 1,
                    Peers = [isFreeBsd ? PfFormat.FreeBsd1400 : PfFormat.OpenBsd],
                    Scope = new StateScope([]),
                },
                table,
                new Wire(),
                Instant.Zero
            );
            var ttl = vector.GetProperty("transport").GetProperty("ttl").GetInt32();
            engine.Receive(Instant.Zero, 0, 0, ttl, Convert.FromHexString(vector.GetProperty("payload").GetString()!));
            engine.Tick(new Instant(5_000_000_000));
            var id = vector.GetProperty("id").GetString();
            if (vector.GetProperty("outcome").GetString() == "drop")
            {
                Assert.True(engine.Count == 0 && table.Count == 0, id);
                Assert.True(Enum.GetValues<PfRejection>().Sum(r => r == PfRejection.None ? 0 : engine[r]) == 1, id);
                refused++;
            }
            else if (vector.GetProperty("category").GetString() == "valid")
            {
                Assert.True(engine[PfRejection.None] == 1, id);
                known += engine.Count;
            }
        }
        Assert.True(file == "malformed" ? refused > 5 : refused == 0, $"{refused} refused");
        Assert.True(file is "malformed" or "freebsd-actions" || known > 3, $"{known} known");
    }
}
