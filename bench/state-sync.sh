#!/usr/bin/env bash
# Measures what it costs to replicate connection states and how fast it goes: Redoubt beside conntrackd (FTFW, no external cache), in
# the same namespaces. Builds first. Arguments go to `redoubt-lab bench states`:
#   bench/state-sync.sh --kinds redoubt,conntrackd --parts cost,latency,bulk,rate --repeat 5
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lab/tools.sh"
need_tools ip:iproute2 nft:nftables unshare:util-linux ping:iputils-ping keepalived:keepalived conntrackd:conntrackd conntrack:conntrack
need_namespaces
"$here/build.sh" >&2
exec "$here/artifacts/dist/redoubt-lab" bench states "$@"
