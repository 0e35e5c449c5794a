using Redoubt.Lab.Network;

namespace Redoubt.Lab.Nodes;

/// <summary>What Redoubt does of itself and its peers leave to the administrator: forwarding and the translation to the WAN's address.</summary>
internal static class PlainFirewall
{
    public static void Load(Place place)
    {
        place.SetSysctl("ipv4/ip_forward", 1);
        place.Nft(
            $$"""
            table ip lab_nat {
                chain postrouting {
                    type nat hook postrouting priority 100;
                    oifname "wan0" ip saddr {{Topology.LanNetwork}} snat to {{Topology.WanVip}}
                }
            }
            """ + "\n"
        );
        // Only there once something tracks connections. A flow that is not in the table must not be taken up in the middle.
        place.SetSysctl("netfilter/nf_conntrack_tcp_loose", 0);
    }
}
