#!/bin/sh
# Installs, or names, what the system must have: packages.sh WHAT...
#   build  to compile          run    to open the window on a desktop
#   demo   to open it without  test   for the tests and the measurements
#   fuzz   for the fuzz targets
# Says nothing and does nothing where everything is there.
set -eu

# Each is a Debian package; where a command stands before it, any package that brings the command will do.
build='gcc:gcc libc6-dev ca-certificates'
run='libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0 libgl1
    libwayland-client0 libwayland-egl1 libxkbcommon0 libegl1'
# Without a desktop there is no Wayland either.
demo='libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0 libgl1
    Xvfb:xvfb xdotool:xdotool import:imagemagick nginx:nginx-light'
test="$demo curl:curl aria2c:aria2 ip:iproute2 unshare:util-linux mount:mount groff:groff-base bash:bash
    dbus-daemon:dbus python3-dbusmock fusermount3:fuse3
    apache2:apache2 lighttpd:lighttpd caddy:caddy squid:squid microsocks:microsocks openssl:openssl"
# What Debian starts with the computer, and the package it comes in; the tests need the programs and no service.
services='nginx:nginx-common apache2:apache2 lighttpd:lighttpd caddy:caddy squid:squid'
# LLVM's fuzzer is a library in C++.
fuzz='g++:g++'

wanted=
for what; do
    case $what in
        build) wanted="$wanted $build" ;;
        run) wanted="$wanted $run" ;;
        demo) wanted="$wanted $demo" ;;
        test) wanted="$wanted $test" ;;
        fuzz) wanted="$wanted $fuzz" ;;
        make) wanted="$wanted make:make" ;;
        *) echo "packages.sh: $what is not one of build, run, demo, test, fuzz, make" >&2; exit 2 ;;
    esac
done

# Servers and file system tools stand where not everybody looks.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

installed() {
    # A package that was removed is still known, so the status counts.
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

has() {
    case $1 in
        *:*) command -v "${1%%:*}" >/dev/null 2>&1 && return ;;
    esac
    installed "${1#*:}"
}

missing=
for one in $wanted; do
    has "$one" || missing="$missing ${one#*:}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Meanwhile needs what Debian has in these packages; under other names they are in your system too:"
    echo "   $missing"
    # Libraries cannot be looked for here, but commands can.
    absent=
    for one in $wanted; do
        case $one in
            *:*) has "$one" || absent="$absent ${one%%:*}" ;;
        esac
    done
    [ -z "$absent" ] || { echo "These commands are missing:$absent. Install them and try again." >&2; exit 1; }
    exit 0
fi >&2

if [ "$(id -u)" -eq 0 ]; then
    root=
elif sudo -n true 2>/dev/null; then
    root=sudo
else
    echo "These packages are missing. Install them and try again:" >&2
    echo "    sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "Installing$missing"
# What the tools have to say is of interest only when they fail.
log=$(mktemp)
# Services that were there before are the user's, and nobody touches them. The others are ours.
ours=
for one in $services; do
    installed "${one#*:}" || ours="$ours $one"
done
# Debian starts a service as soon as it is installed, unless this file says no (policy-rc.d(8)). One that is there
# already is somebody else's, and stays.
guard=/usr/sbin/policy-rc.d
if [ -e "$guard" ]; then guard=; fi
trap 'rm -f "$log"; [ -z "$guard" ] || $root rm -f "$guard"' EXIT
# The shell forgets about EXIT when a signal ends it, and a guard left behind would keep services from starting.
trap 'exit 130' HUP INT TERM
if [ -n "$guard" ]; then
    {
        echo '#!/bin/sh'
        echo '# Only while the tests of Meanwhile install servers; can be removed.'
        for one in $ours; do
            echo "case \$1 in ${one%%:*} | ${one%%:*}.service) exit 101 ;; esac"
        done
    } | $root sh -c 'cat >"$1" && chmod 755 "$1"' sh "$guard"
fi
apt() {
    # shellcheck disable=SC2086 # no words where there is no sudo
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$log" 2>&1 </dev/null
}
failed=0
# An update that fails for one source of many may still have brought what is needed.
apt update || tail -n 3 "$log" >&2
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends $missing || {
    tail -n 20 "$log" >&2
    echo "These packages could not be installed:$missing" >&2
    failed=1
}
# Nor do they start with the computer, even if only some of them could be installed.
for one in $ours; do
    installed "${one#*:}" || continue
    one=${one%%:*}
    # The first knows both ways of starting, but only where there is the old one.
    if [ -e "/etc/init.d/$one" ]; then
        $root update-rc.d "$one" disable >"$log" 2>&1 || tail -n 3 "$log" >&2
    elif command -v systemctl >/dev/null 2>&1; then
        $root systemctl disable "$one" >"$log" 2>&1 || tail -n 3 "$log" >&2
    fi
    if [ -d /run/systemd/system ]; then
        # It runs if somebody else's guard let it.
        $root systemctl stop "$one" >"$log" 2>&1 || tail -n 3 "$log" >&2
    fi
done
exit $failed
