#!/usr/bin/env bash
# Runs the tests: ./test.sh [unit|vectors|lab|web|all] [--long]
#   unit     no root, no kernel: 90 s on 2 cores   vectors  only the data-driven vector tests (REDOUBT_VECTORS: another folder)
#   lab      on this kernel, in namespaces         web      HTTPS and XML-RPC, on loopback
#   --long   more seeds for the simulators, and the tests marked explicit: the whole fault matrix, minutes each
# Ends with "N passed, N failed, N skipped"; exit 0 only where nothing failed and nothing was skipped that could run.
set -euo pipefail
cd "$(dirname "$0")"
. lab/tools.sh

part=all explicit=
for argument in "$@"; do
    case $argument in
        unit | vectors | lab | web | all) part=$argument ;;
        --long)
            export REDOUBT_STORMS=${REDOUBT_STORMS:-40000}
            explicit='-explicit on'
            ;;
        *)
            sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
done

# A test may be skipped only where the kernel lacks one of these; its reason must begin with "kernel lacks <name>".
kernel_features='^kernel lacks (ESP|table flags owner and persist|SCTP conntrack|DCCP conntrack)\b'

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
command -v dotnet >/dev/null 2>&1 || { echo "test.sh: the .NET 10 SDK is missing (https://dotnet.microsoft.com/download/dotnet/10.0)" >&2; exit 1; }
case $part in lab | all)
    need_tools ip:iproute2 nft:nftables conntrack:conntrack tcpdump:tcpdump ping:iputils-ping arping:iputils-arping ps:procps \
        ucarp:ucarp keepalived:keepalived conntrackd:conntrackd vsftpd:vsftpd strace:strace radvd:radvd systemctl:systemd
    need_namespaces
    ;;
esac
case $part in web | all)
    # Other people's XML-RPC: Python's client and server, and PHP's.
    need_tools python3:python3 php:php-cli
    need_files "$(php -r 'echo PHP_EXTENSION_DIR;')/xmlrpc.so:php-xmlrpc"
    ;;
esac

dotnet restore Redoubt.slnx --locked-mode -v quiet
case $part in unit | all)
    dotnet tool restore -v quiet >/dev/null
    dotnet csharpier check . || { echo "format: dotnet csharpier format ." >&2; exit 1; }
    ;;
esac
dotnet build Redoubt.slnx -c Release --no-restore -v quiet

passed=0 failed=0 skipped=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# run NAME COMMAND...: runs a test program, shows what it prints, adds up its counts
run() {
    local name=$1 total errors failures skips
    shift
    echo "== $name"
    "$@" 2>&1 | sed 's/\x1b\[[0-9;]*m//g' | tee "$report" | grep -vE '^ +(Discover|Start|Finish)|^xUnit|^=== ' || true
    if ! read -r total errors failures skips < <(sed -nE 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+),.*/\1 \2 \3 \4/p' "$report"); then
        echo "$name ended without a summary: it crashed" >&2
        failed=$((failed + 1))
        return
    fi
    if [ "$total" -eq 0 ]; then
        echo "$name: no test ran" >&2
        failures=1
    fi
    local unexcused
    unexcused=$(grep -A1 '\[SKIP\]' "$report" | grep -vE '\[SKIP\]|^--' | sed 's/^ *//' | grep -cvE "$kernel_features" || true)
    if [ "$unexcused" -gt 0 ]; then
        echo "$name: $unexcused skipped without one of the excuses that test.sh lists" >&2
        failures=$((failures + unexcused))
        skips=$((skips - unexcused))
    fi
    passed=$((passed + total - errors - failures - skips))
    failed=$((failed + errors + failures))
    skipped=$((skipped + skips))
}

unit=test/Redoubt.Tests/bin/Release/net10.0/Redoubt.Tests.dll
lab=test/Redoubt.Lab.Tests/bin/Release/net10.0/Redoubt.Lab.Tests.dll
web=test/Redoubt.Web.Tests/bin/Release/net10.0/Redoubt.Web.Tests.dll
case $part in
    vectors) run vectors dotnet "$unit" -noLogo -class Redoubt.Tests.Vectors.VectorTests ;;
    unit | all) run unit dotnet "$unit" -noLogo $explicit ;;
esac
case $part in lab | all)
    ulimit -n 65536 2>/dev/null || true # the explicit tests hold 30,000 sockets
    # One after the other: these tests share the machine's two or more cores with the daemons and peers they start.
    run lab in_namespaces dotnet "$lab" -noLogo -parallel none $explicit
    ;;
esac
case $part in web | all) run web dotnet "$web" -noLogo $explicit ;; esac

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
