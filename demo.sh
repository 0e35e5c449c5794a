#!/usr/bin/env bash
# Builds, brings up two firewalls, a client and a server in namespaces, runs a real download and upload through source NAT behind the
# virtual address, and takes the master away in six ways. Exit 0 only if every byte arrived and every promise held.
#   --keep   leaves the lab running at the end and prints how to look around; `artifacts/dist/redoubt-lab down` ends it
set -euo pipefail
cd "$(dirname "$0")"
. lab/tools.sh
for argument in "$@"; do
    [ "$argument" = --keep ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
done
need_tools ip:iproute2 nft:nftables unshare:util-linux
need_namespaces
./build.sh
exec artifacts/dist/redoubt-lab run demo "$@"
