using Redoubt.Core.Firewall;
using Redoubt.Core.StateSync;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>The traps of putting states straight into a kernel, each by its name.</summary>
public sealed class TrapTests : IDisposable
{
    private readonly SyncPair _pair = new();

    public void Dispose() => _pair.Dispose();

    private static ConntrackEntry Flow(string client, ushort translatedPort, byte tcpState = 3)
    {
        var entry = Entry(Tuple(6, client, 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", translatedPort));
        entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
        entry.TcpState = tcpState;
        return entry;
    }

    private ConntrackEntry? AtB(ConntrackEntry flow) => SyncPair.Get(_pair.B, flow.Original);

    private void Start(bool isFirstForwarding = true)
    {
        _pair.Start(_pair.A, isFirstForwarding);
        _pair.Start(_pair.B, !isFirstForwarding);
        _pair.UntilInSync();
    }

    [Fact]
    public void Busy_NAT_port_the_stale_flow_that_holds_it_gives_way_and_the_true_one_gets_exactly_that_port()
    {
        Start();
        var stale = Flow("10.1.0.1", 10001);
        var flow = Flow("10.1.0.2", 10001);
        SyncPair.Create(_pair.B, stale);
        SyncPair.Create(_pair.A, flow);
        _pair.Until("the flow is at the backup", () => AtB(flow) is not null);
        Assert.Equal(flow.Reply, AtB(flow)!.Value.Reply);
        Assert.Null(AtB(stale));
        Assert.Equal(1, SyncPair.Count(_pair.B, 6));
    }

    [Fact]
    public void Busy_NAT_port_a_flow_that_is_later_than_what_a_peer_tells_stays()
    {
        Start();
        var early = Flow("10.1.0.1", 10001);
        var late = Flow("10.1.0.2", 10001);
        // The port changes hands at the master, and the news of both come in one go.
        SyncPair.Change(
            _pair.A,
            table =>
            {
                Assert.Equal(Errno.None, table.Create(early));
                Assert.Equal(Errno.None, table.Delete(early.Original, 0));
                Assert.Equal(Errno.None, table.Create(late));
            }
        );
        _pair.Until("the later flow is at the backup", () => AtB(late) is not null);
        Assert.Equal(late.Reply, AtB(late)!.Value.Reply);
        Assert.Null(AtB(early));
    }

    [Fact]
    public void Reused_tuple_the_end_of_the_life_in_TIME_WAIT_does_not_end_the_one_that_began_after_it()
    {
        Start();
        var old = Flow("10.1.0.1", 10001, tcpState: 7);
        SyncPair.Create(_pair.A, old);
        _pair.Until("the old life is at the backup", () => AtB(old)?.TcpState == 7);
        var young = Flow("10.1.0.1", 10002, tcpState: 1);
        SyncPair.Change(
            _pair.A,
            table =>
            {
                Assert.Equal(Errno.None, table.Delete(old.Original, 0));
                Assert.Equal(Errno.None, table.Create(young));
            }
        );
        _pair.Until("the new life is at the backup", () => AtB(young)?.Reply == young.Reply);
        var mark = Flow("10.1.0.9", 10009);
        SyncPair.Create(_pair.A, mark);
        _pair.Until("what was said after it is there", () => AtB(mark) is not null);
        Assert.Equal((young.Reply, 1), (AtB(young)!.Value.Reply, AtB(young)!.Value.TcpState));
    }

    [Fact]
    public void Expiry_on_the_backup_ends_nothing_and_the_state_is_put_back()
    {
        Start();
        var flow = Flow("10.1.0.1", 10001);
        SyncPair.Create(_pair.A, flow);
        _pair.Until("it is at the backup", () => AtB(flow) is not null);
        var id = AtB(flow)!.Value.KernelId;
        SyncPair.Change(_pair.B, t => Assert.Equal(Errno.None, t.Update(flow with { TimeoutSeconds = 1 })));
        _pair.Until("it has expired and another is there", () => AtB(flow) is { TimeoutSeconds: > 60 });
        Assert.NotNull(SyncPair.Get(_pair.A, flow.Original));
        Assert.NotEqual(0u, id);
    }

    [Fact]
    public void Foreign_deletion_at_the_master_ends_the_flow_everywhere_and_at_the_backup_nowhere()
    {
        Start();
        var (first, second) = (Flow("10.1.0.1", 10001), Flow("10.1.0.2", 10002));
        SyncPair.Create(_pair.A, first);
        SyncPair.Create(_pair.A, second);
        _pair.Until("both are at the backup", () => AtB(first) is not null && AtB(second) is not null);
        _pair.A.Shell("conntrack", "-D -s 10.1.0.1");
        _pair.B.Shell("conntrack", "-D -s 10.1.0.2");
        _pair.Until("one is gone, one is back", () => AtB(first) is null && AtB(second) is not null);
        Assert.Null(SyncPair.Get(_pair.A, first.Original));
        Assert.NotNull(SyncPair.Get(_pair.A, second.Original));
    }

    [Fact]
    public void Missing_nat_chain_a_node_has_one_for_both_directions_before_it_has_a_rule()
    {
        // Without one the kernel takes a translated state and lets its packets pass untranslated.
        using var node = new ConntrackNamespace();
        node.Feed("nft", "-f -", RulesetCompiler.Unconfigured());
        var rules = node.Shell("nft", "list table inet redoubt");
        Assert.Contains("type nat hook postrouting", rules, StringComparison.Ordinal);
        Assert.Contains("type nat hook prerouting", rules, StringComparison.Ordinal);
    }

    [Fact]
    public void Helper_labels_and_shifts_of_sequence_numbers_arrive_in_the_other_kernel()
    {
        const string rules = """
            table ip lab {
                ct helper ftp {
                    type "ftp" protocol tcp
                }
                chain p {
                    type filter hook prerouting priority 0;
                    ct label 5 counter
                    tcp dport 21 ct helper set "ftp"
                }
            }

            """;
        _pair.A.Feed("nft", "-f -", rules);
        _pair.B.Feed("nft", "-f -", rules);
        Start();
        Assert.True(HelperName.TryRead("ftp"u8, out var helper));
        var flow = Flow("10.1.0.1", 10001) with
        {
            Helper = helper,
            Labels = default(ConnectionLabels).With(5).With(127),
            AdjustOriginal = new SequenceAdjustment(1000, 0, -3),
            AdjustReply = new SequenceAdjustment(2000, 1, 4),
        };
        SyncPair.Create(_pair.A, flow);
        _pair.Until("it is at the backup", () => AtB(flow) is not null);
        var copy = AtB(flow)!.Value;
        Assert.Equal((flow.Helper, flow.Labels), (copy.Helper, copy.Labels));
        Assert.Equal((flow.AdjustOriginal, flow.AdjustReply), (copy.AdjustOriginal, copy.AdjustReply));
    }

    [Fact]
    public void A_helper_that_this_kernel_lacks_does_not_keep_the_connection_out()
    {
        var b = _pair.Start(_pair.B, forwarding: false);
        Assert.True(HelperName.TryRead("no-such-helper"u8, out var helper));
        var flow = Flow("10.1.0.1", 10001) with { Helper = helper };
        SyncPair.Change(
            _pair.B,
            table =>
            {
                Assert.Equal(Errno.None, table.Create(flow));
                Assert.Equal(1, table.WithoutHelper);
            }
        );
        Assert.True(AtB(flow)!.Value.Helper.IsEmpty);
        Assert.Equal(0, SyncPair.Counter(b, "kernelRefusals"));
    }
}
