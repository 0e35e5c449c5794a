#!/usr/bin/env bash
# Watches pairs to which nothing happens: what they cost, and with --busy yes, whether nothing happens to them while four threads keep the
# machine busy. Builds first. Arguments go to `redoubt-lab bench calm`: bench/calm.sh --kinds redoubt,redoubt-fast --seconds 600 --busy yes
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lab/tools.sh"
need_tools ip:iproute2 nft:nftables unshare:util-linux ucarp:ucarp keepalived:keepalived conntrackd:conntrackd
need_namespaces
"$here/build.sh" >&2
exec "$here/artifacts/dist/redoubt-lab" bench calm "$@"
