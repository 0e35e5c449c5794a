#!/usr/bin/env bash
# Crashes the master of many vhids (255 on each of four interfaces) and looks from the switch when each has moved; and what steady
# state costs. Builds first. Arguments go to `redoubt-lab bench vhids`: bench/vhids.sh --vhids 64 --repeat 3
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lab/tools.sh"
need_tools ip:iproute2 nft:nftables unshare:util-linux
need_namespaces
"$here/build.sh" >&2
exec "$here/artifacts/dist/redoubt-lab" bench vhids "$@"
