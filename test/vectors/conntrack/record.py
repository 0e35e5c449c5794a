#!/usr/bin/env python3
"""Records what the kernel says of connections that other programs made: one .hex file a message.

Run:  unshare --user --map-root-user --net --mount python3 record.py
"""
import os, platform, socket, struct, subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def netlink(groups=0):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.bind((0, groups))
    s.settimeout(2)
    return s


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def messages(data):
    while len(data) >= 16:
        length = struct.unpack_from("=I", data)[0]
        yield data[:length]
        data = data[(length + 3) & ~3:]


def save(name, why, message):
    with open(os.path.join(HERE, name + ".hex"), "w") as f:
        f.write(f"# {why}\n# kernel {platform.release()}, {platform.machine()}, recorded by record.py\n")
        for i in range(0, len(message), 32):
            f.write(message[i:i + 32].hex() + "\n")
    print(name, len(message))


def dump_one(name, words):
    """The entry that the conntrack tool made, as a dump tells it; then the table is emptied."""
    run("conntrack", *words)
    s = netlink()
    s.send(struct.pack("=IHHII", 20, 0x101, 0x301, 1, 0) + b"\0\0\0\0")
    found = [m for m in messages(s.recv(65536)) if struct.unpack_from("=H", m, 4)[0] == 0x100]
    assert len(found) == 1, (name, len(found))
    save(name, "dump after: conntrack " + " ".join(words), found[0])
    run("conntrack", "-F")


run("ip", "link", "set", "lo", "up")
with open("/proc/sys/net/netfilter/nf_conntrack_events", "w") as f:
    f.write("1")

dump_one("dump-tcp4", "-I -p tcp -s 10.1.2.3 -d 192.0.2.9 --sport 40000 --dport 443 --state ESTABLISHED -u ASSURED,SEEN_REPLY -t 432000 -m 0x2a".split())
dump_one("dump-tcp4-snat", "-I -p tcp -s 10.1.2.3 -d 192.0.2.9 --sport 40000 --dport 443 --state ESTABLISHED -u ASSURED,SEEN_REPLY -t 432000 --src-nat 198.51.100.1:61000".split())
dump_one("dump-udp6-dnat", "-I -p udp -s 2001:db8::1 -d 2001:db8::2 --sport 5353 --dport 53 -t 120 --dst-nat [2001:db8:9::9]:1053".split())
dump_one("dump-icmp4", "-I -p icmp -s 10.1.2.3 -d 192.0.2.9 --icmp-type 8 --icmp-code 0 --icmp-id 4660 -t 30".split())
dump_one("dump-udp4-zone", "-I -p udp -s 10.1.2.3 -d 192.0.2.9 --sport 1 --dport 2 -t 120 -w 7".split())
dump_one("dump-udp4-zone-orig", "-I -p udp -s 10.1.2.3 -d 192.0.2.9 --sport 1 --dport 2 -t 120 --orig-zone 7".split())
dump_one("dump-gre4", "-I -p gre -s 10.1.2.3 -d 192.0.2.9 --srckey 17 --dstkey 34 -t 180".split())
dump_one("dump-esp4", "-I -p 50 -s 10.1.2.3 -d 192.0.2.9 -t 600".split())

# A real TCP connection over loopback: first sight, each step, and the end.
run("nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state invalid drop")
events = netlink(7)
server = socket.create_server(("127.0.0.1", 8080))
client = socket.create_connection(("127.0.0.1", 8080), source_address=("127.0.0.1", 40001))
accepted, _ = server.accept()
client.send(b"x")
accepted.recv(1)
news = [events.recv(65536) for _ in range(3)]
save("event-new-tcp4", "event group NEW: SYN over loopback, 127.0.0.1:40001 to :8080", news[0])
save("event-update-tcp4-syn-recv", "event group UPDATE: SYN+ACK of the same connection", news[1])
save("event-update-tcp4-established", "event group UPDATE: ACK of the same connection", news[2])
run("conntrack", "-D", "-p", "tcp")
save("event-destroy-tcp4", "event group DESTROY: conntrack -D -p tcp; the message carries the tool's netlink port id", events.recv(65536))

ping = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
ping.sendto(struct.pack("!BBHHH", 128, 0, 0, 4660, 1), ("::1", 0))
save("event-new-icmp6", "event group NEW: echo request with id 4660 from ::1 to ::1", events.recv(65536))
