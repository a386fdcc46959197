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
    dbus-daemon:dbus python3-dbusmock fusermount3:fuse3"
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

has() {
    case $1 in
        *:*) command -v "${1%%:*}" >/dev/null 2>&1 && return ;;
    esac
    # A package that was removed is still known, so the status counts.
    [ "$(dpkg-query -W -f='${db:Status-Status}' "${1#*:}" 2>/dev/null)" = installed ]
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
trap 'rm -f "$log"' EXIT
apt() {
    # shellcheck disable=SC2086 # no words where there is no sudo
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$log" 2>&1 </dev/null
}
# An update that fails for one source of many may still have brought what is needed.
apt update || tail -n 3 "$log" >&2
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends $missing || {
    tail -n 20 "$log" >&2
    echo "These packages could not be installed:$missing" >&2
    exit 1
}
