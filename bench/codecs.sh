#!/bin/sh
# Measures what one message costs, in short-job mode, and prints a table for each format. Arguments go to BenchmarkDotNet:
#   bench/codecs.sh --filter '*Carp*'
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build "$here/Redoubt.Bench" -c Release -v quiet >&2
artifacts=$(mktemp -d)
trap 'rm -rf "$artifacts"' EXIT
[ $# -gt 0 ] || set -- --filter '*'
if ! dotnet "$here/Redoubt.Bench/bin/Release/net10.0/redoubt-bench.dll" "$@" --artifacts "$artifacts" >"$artifacts/log" 2>&1; then
  cat "$artifacts/log" >&2
  exit 1
fi
if ls "$artifacts"/results/*.md >/dev/null 2>&1; then
  for table in "$artifacts"/results/*.md; do
    basename "$table" -report-github.md | sed 's/.*\.//'
    sed -n '/^|/{s/\*\*//g;p;}' "$table"
    echo
  done
else
  cat "$artifacts/log" # --list, --help
fi
