using System.Globalization;
using System.Text;
using Redoubt.Core.Firewall;

namespace Redoubt.Linux.Nftables;

/// <summary>A device whose outgoing first packets take a way round.</summary>
/// <param name="Device">The device.</param>
/// <param name="Tap">The TAP device they go to instead.</param>
public readonly record struct DeferredDevice(string Device, string Tap);

/// <summary>
/// The rules that lead the first packets of forwarded flows to our TAP devices instead of out: the tables <c>inet redoubt_defer</c> and <c>netdev redoubt_defer</c>.
/// <code>
/// set young    { ct id; timeout 30 ms }     flows whose first packet passed a moment ago
/// first        postrouting, behind source translation: not confirmed yet → young; new and young → bit 15 of the packet's mark
/// set lease    { mark; timeout 500 ms }     one element while the daemon turns
/// renew        on the first TAP, egress: a frame with <see cref="RenewMark"/> → prolong the lease; drop
/// out_N        on a device, egress: the bit, the lease lives, not too many → to the device's TAP
/// </code>
/// A daemon that hangs or dies renews nothing, and packets take the straight way again.
/// </summary>
public static class DeferTable
{
    /// <summary>The bit of a packet's mark that leads it to the TAP. Neither a gateway's, nor a tag's; the daemon's own frames are told by 0x5244 above.</summary>
    public const uint HeldBit = 0x8000;

    /// <summary>The mark (SO_MARK) of the frame that renews the lease, sent out of the first TAP.</summary>
    public const uint RenewMark = GateMark.Family | HeldBit;

    /// <summary>How long the lease lives from its last renewal.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMilliseconds(500);

    // Longer than a frame is held: what follows the first packet does not overtake it.
    private const int YoungMilliseconds = 30;

    // Per device. The burst fits into a TAP's queue (1000), so none is lost there; what is more goes at once.
    private const int FramesPerSecond = 20_000;
    private const int Burst = 500;

    private const string Name = "redoubt_defer";
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(3);

    /// <summary>Loads both tables anew, in one transaction.</summary>
    public static NftResult Load(IReadOnlyList<DeferredDevice> devices) => NftCommand.Run(["-f", "-"], Text(devices), _limit);

    /// <summary>Takes both tables away, if they are there.</summary>
    public static NftResult Remove() => NftCommand.Run(["-f", "-"], Removal, _limit);

    private const string Removal = $"""
        table inet {Name}
        delete table inet {Name}
        table netdev {Name}
        delete table netdev {Name}

        """;

    /// <summary>The transaction as nft reads it. Names of devices are quoted; those that nft could read as something else are refused where the configuration is read.</summary>
    internal static string Text(IReadOnlyList<DeferredDevice> devices)
    {
        var text = new StringBuilder(Removal);
        text.Append(
            CultureInfo.InvariantCulture,
            $$"""
            table inet {{Name}} {
              set young {
                typeof ct id
                size 65535
                flags dynamic,timeout
              }
              chain first {
                type filter hook postrouting priority 310; policy accept;
                meta mark & 0x{{HeldBit:x}} != 0 meta mark set meta mark & 0x{{~HeldBit:x8}}
                iif != 0 meta pkttype != { multicast, broadcast } ct mark & 0x{{FlowMark.NotReplicated:x}} == 0 ct status ! confirmed update @young { ct id timeout {{YoungMilliseconds}}ms }
                iif != 0 ct state new ct id @young meta mark set meta mark | 0x{{HeldBit:x}}
              }
            }
            table netdev {{Name}} {
              set lease {
                typeof meta mark
                size 4
                flags dynamic,timeout
              }
              chain renew {
                type filter hook egress device "{{devices[0].Tap}}" priority 0; policy accept;
                meta mark 0x{{RenewMark:x}} update @lease { meta mark & 0x{{HeldBit:x}} timeout {{(int)Lease.TotalMilliseconds}}ms } drop
              }

            """
        );
        for (var i = 0; i < devices.Count; i++)
            text.Append(
                CultureInfo.InvariantCulture,
                $$"""
                  chain out_{{i}} {
                    type filter hook egress device "{{devices[i].Device}}" priority 0; policy accept;
                    meta mark & 0xffff0000 != 0x{{GateMark.Family:x}} meta mark & 0x{{HeldBit:x}} @lease limit rate {{FramesPerSecond}}/second burst {{Burst}} packets counter fwd to "{{devices[
                    i
                ].Tap}}"
                  }

                """
            );
        return text.Append("}\n").ToString();
    }
}
