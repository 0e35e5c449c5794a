#!/usr/bin/env bash
# Measures what a client sees when the master of two firewalls goes and comes back: Redoubt beside ucarp and keepalived with
# conntrackd, in the same namespaces. Builds first. Arguments go to `redoubt-lab bench outage`:
#   bench/outage.sh --kinds redoubt --faults crash,failback --repeat 3 --json outage.json
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lab/tools.sh"
need_tools ip:iproute2 nft:nftables unshare:util-linux ping:iputils-ping ucarp:ucarp keepalived:keepalived conntrackd:conntrackd conntrack:conntrack
need_namespaces
"$here/build.sh" >&2
exec "$here/artifacts/dist/redoubt-lab" bench outage "$@"
