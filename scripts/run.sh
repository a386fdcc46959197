#!/bin/sh
# Opens the window; where there is no display, shows what it does on a virtual one: run.sh PROGRAM
set -eu
program=$1
here=$(dirname "$0")

if [ -n "${WAYLAND_DISPLAY:-}${DISPLAY:-}" ]; then
    "$here/packages.sh" run
    code=0
    "$program" || code=$?
    # 6 says that the display leads nowhere; the program has said more.
    [ "$code" -eq 6 ] || exit "$code"
fi
echo 'There is no display here, so the window opens on a virtual one.'
"$here/packages.sh" demo
exec "$here/demo.sh" "$program"
