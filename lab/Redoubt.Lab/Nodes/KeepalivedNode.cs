using System.Globalization;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Nodes;

/// <summary>
/// A firewall with keepalived (VRRP, all addresses in one sync group) and, where wanted, conntrackd over the sync link. IPv4
/// only. keepalived's scripts need setgroups, which a user namespace forbids, so its news come by a FIFO to a small script that does
/// what conntrackd's primary-backup.sh does.
/// </summary>
public sealed class KeepalivedNode : FirewallNode
{
    private readonly KeepalivedOptions _options;
    private readonly int _peer;

    internal KeepalivedNode(int number, Place place, Port lan, Port wan, Port sync, Topology topology, KeepalivedOptions options)
        : base(number, place, lan, wan, sync, Path.Combine(topology.Directory, place.Name))
    {
        _options = options;
        _peer = number == 1 ? 2 : 1;
        if (options.Conntrackd != ConntrackdMode.Off && topology.FirewallCount > 2)
            throw new LabException("conntrackd replicates between two nodes");
        PlainFirewall.Load(place);
    }

    /// <summary>conntrackd's control socket; "conntrackd -C FILE -s" reads statistics.</summary>
    public string ConntrackdConfig => Path.Combine(Directory, "conntrackd.conf");

    private string Fifo => Path.Combine(Directory, "news");

    private protected override void StartPrograms()
    {
        // keepalived takes a killed one of itself, which waits to be reaped, for one that runs.
        foreach (var leftover in (string[])[Fifo, .. Files("conntrackd.lock", "conntrackd.ctl", "keepalived.pid", "vrrp.pid")])
            File.Delete(leftover);
        if (_options.Conntrackd != ConntrackdMode.Off)
        {
            WriteFile("conntrackd.conf", ConntrackdText());
            Launch("conntrackd", "conntrackd", "-C", ConntrackdConfig);
            Deadline
                .In(10)
                .Await(
                    $"{Name}'s conntrackd answers",
                    () => Place.TryExecute("conntrackd", "-C", ConntrackdConfig, "-s").ExitCode == 0,
                    () => Processes[0].Tail
                );
        }
        Launch("news", "sh", WriteFile("news.sh", NewsScript())).WaitForLine("listening", Deadline.In(10));
        var configuration = WriteFile("keepalived.conf", KeepalivedText());
        string[] files = ["--pid", Path.Combine(Directory, "keepalived.pid"), "--vrrp_pid", Path.Combine(Directory, "vrrp.pid")];
        // Not to syslog: with LOG_CONS it may write to a slow console.
        Launch("keepalived", ["keepalived", "--dont-fork", "--log-console", "--no-syslog", "--vrrp", "--use-file", configuration, .. files])
            .WaitForLine("Entering BACKUP STATE", Deadline.In(10));
    }

    private IEnumerable<string> Files(params string[] names) => names.Select(n => Path.Combine(Directory, n));

    private string KeepalivedText() =>
        $$"""
            global_defs {
                router_id {{Name}}
                vrrp_version {{_options.Version}}
                vrrp_notify_fifo {{Fifo}}
            }
            vrrp_sync_group both {
                group {
                    lan
                    wan
                    {{(_options.IPv6 ? "lan6\n        wan6" : "")}}
                }
            }
            {{Instance("lan", "lan", Topology.LanVhid, $"{_options.LanVip}/24")}}
            {{Instance("wan", "wan", Topology.WanVhid, $"{Topology.WanVip}/24")}}
            {{(_options.IPv6 ? Instance("lan6", "lan", Topology.LanVhid, $"{Topology.LanVip6}/64") : "")}}
            {{(_options.IPv6 ? Instance("wan6", "wan", Topology.WanVhid, $"{Topology.WanVip6}/64") : "")}}
            """ + "\n";

    private string Instance(string name, string segment, int id, string address) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $$"""
            vrrp_instance {{name}} {
                state BACKUP
                interface {{segment}}0
                virtual_router_id {{id}}
                priority {{254 - (_options.AdvSkew ?? Topology.DefaultAdvSkew(Number))}}
                advert_int {{_options.AdvertInterval}}
                {{(_options.Preempt ? "" : "nopreempt")}}
                {{(
                !_options.UseVmac ? ""
                : _options.SendFromRealDevice ? "use_vmac\n    vmac_xmit_base"
                : "use_vmac"
            )}}
                virtual_ipaddress {
                    {{address}}
                }
            }
            """
        );

    // Commit and flush what the peer told, then tell everything; on the way down, let own entries die soon and ask for a resync.
    private string NewsScript()
    {
        var tool = $"conntrackd -C {ConntrackdConfig}";
        var (master, backup) =
            _options.Conntrackd == ConntrackdMode.Off
                ? (":", ":")
                : ($"{tool} -c; {tool} -f; {tool} -R; {tool} -B", $"{tool} -t; {tool} -n");
        return $"""
                mkfifo {Fifo}
                exec 3<>{Fifo}
                echo listening
                while read -r kind name state rest <&3; do
                    echo "$kind $name $state"
                    case "$kind $state" in
                        "GROUP MASTER") {master} ;;
                        "GROUP BACKUP" | "GROUP FAULT") {backup} ;;
                    esac
                done
                """ + "\n";
    }

    // No socket buffer sizes: conntrackd forces them, which is for the first user namespace's root only.
    private string ConntrackdText() =>
        $$"""
            Sync {
                Mode {{(_options.Conntrackd == ConntrackdMode.Ftfw ? "FTFW" : "NOTRACK")}} {
                    DisableExternalCache On
                }
                UDP {
                    IPv4_address {{Topology.SyncAddress(Number)}}
                    IPv4_Destination_Address {{Topology.SyncAddress(_peer)}}
                    Port 3780
                    Interface sync0
                    Checksum on
                }
            }
            General {
                HashSize 32768
                HashLimit 1048576
                LogFile Off
                Syslog Off
                LockFile {{Path.Combine(Directory, "conntrackd.lock")}}
                UNIX {
                    Path {{Path.Combine(Directory, "conntrackd.ctl")}}
                }
                NetlinkBufferSize 2097152
                NetlinkBufferSizeMaxGrowth 8388608
                Filter From Userspace {
                    Protocol Accept {
                        TCP
                        UDP
                        ICMP
                    }
                    Address Ignore {
                        IPv4_address 127.0.0.1
                        IPv4_address {{Topology.LanAddress(Number)}}
                        IPv4_address {{Topology.WanAddress(Number)}}
                        IPv4_address {{Topology.SyncAddress(Number)}}
                        IPv4_address {{Topology.SyncAddress(_peer)}}
                    }
                }
            }
            """ + "\n";
}
