#!/usr/bin/env bash
# Pushes a configuration of 10,000 rules and 100,000 addresses from one node to another, then one changed rule, then nothing new, beside
# `nft -f` of the same ruleset. Needs root for that many rules: only root may send them to the kernel in one message. Builds first.
# Arguments go to `redoubt-lab bench push`: bench/push.sh --rules 1000 --repeat 3
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lab/tools.sh"
need_tools ip:iproute2 nft:nftables unshare:util-linux
need_namespaces
"$here/build.sh" >&2
exec "$here/artifacts/dist/redoubt-lab" bench push "$@"
