using Redoubt.Core.Carp;

namespace Redoubt.Core.Failover;

/// <summary>
/// A frame of a node to itself that prolongs a lease by leaving. Where advertisements go to unicast peers, the kernel first asks for the peer's MAC: a dead
/// peer would then end the lease of the one that lives. Switches drop the frame: its destination is where it came from.
/// </summary>
public static class LeaseProof
{
    /// <summary>Bytes of the frame: the least that Ethernet carries.</summary>
    public const int Length = 60;

    private const ushort LocalExperiment = 0x88b5; // IEEE 802, clause 9.2.4

    /// <summary>Writes the frame.</summary>
    public static int Write(Span<byte> frame, MacAddress own)
    {
        frame[..Length].Clear();
        CarpFrame.WriteEthernet(frame, own, own, LocalExperiment);
        "redoubt lease"u8.CopyTo(frame[CarpFrame.EthernetLength..]);
        return Length;
    }
}
