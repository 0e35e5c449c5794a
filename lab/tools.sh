# Sourced by demo.sh and test.sh: makes sure that the programs they start are there.
# Installs Debian's packages when root; otherwise names what is missing and ends the script.

# need_tools PROGRAM:PACKAGE...
need_tools() {
    PATH=$PATH:/usr/sbin:/sbin
    local pair missing=() packages=()
    for pair in "$@"; do
        if ! command -v "${pair%%:*}" >/dev/null 2>&1; then
            missing+=("${pair%%:*}")
            packages+=("${pair#*:}")
        fi
    done
    install_missing
}

# need_files PATH:PACKAGE...: for what is no program
need_files() {
    local pair missing=() packages=()
    for pair in "$@"; do
        if [ ! -e "${pair%%:*}" ]; then
            missing+=("${pair%%:*}")
            packages+=("${pair#*:}")
        fi
    done
    install_missing
}

# Installs what the caller found missing.
install_missing() {
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing: ${packages[*]}"
        # Services of these packages would claim addresses and ports of this machine: they are never started here.
        if { apt-get -qq update && without_services apt-get -qq install -y --no-install-recommends "${packages[@]}"; } >/tmp/redoubt-apt.$$ 2>&1; then
            rm -f /tmp/redoubt-apt.$$
            return 0
        fi
        tail -5 /tmp/redoubt-apt.$$ >&2
        rm -f /tmp/redoubt-apt.$$
    fi
    echo "missing: ${missing[*]}" >&2
    echo "install them: apt-get install -y --no-install-recommends ${packages[*]}" >&2
    return 1
}

# Runs a command while Debian's policy says that no service may start (invoke-rc.d: 101 is "forbidden").
without_services() {
    if [ -e /usr/sbin/policy-rc.d ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    local rc=0
    DEBIAN_FRONTEND=noninteractive "$@" || rc=$?
    rm -f /usr/sbin/policy-rc.d
    return $rc
}

# The lab's namespaces belong to a user namespace of its own, so nothing here needs root. Ends the script where that is not possible.
need_namespaces() {
    if ! unshare --user --map-root-user --net --mount true 2>/dev/null; then
        echo "this machine does not let $(id -un) make namespaces (unshare --user --map-root-user --net --mount)." >&2
        echo "allow it: sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; Ubuntu also: kernel.apparmor_restrict_unprivileged_userns=0" >&2
        return 1
    fi
}

# Runs a command as root of new user, network and mount namespaces.
in_namespaces() {
    unshare --user --map-root-user --net --mount sh -c 'ip link set lo up && exec "$@"' sh "$@"
}
