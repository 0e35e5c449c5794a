#!/usr/bin/env bash
# Builds, brings up two firewalls, a client and a server in namespaces, runs a real download and upload through source NAT behind the
# virtual address, and takes the master away in five ways, with its return after each. Exit 0 only if every byte arrived and every promise held.
#   --keep   brings the same lab up again afterwards, leaves it running and prints how to look around
set -euo pipefail
cd "$(dirname "$0")"
. lab/tools.sh
keep=
for argument in "$@"; do
    case $argument in
        --keep) keep=1 ;;
        *)
            sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
done
need_tools ip:iproute2 nft:nftables unshare:util-linux ping:iputils-ping
need_namespaces
./build.sh
artifacts/dist/redoubt-lab run demo
if [ -n "$keep" ]; then
    artifacts/dist/redoubt-lab up
    echo "the same lab runs again; more in docs/lab.md; end it with: artifacts/dist/redoubt-lab down"
fi
