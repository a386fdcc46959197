#!/bin/sh
# Shows the main job without a display: opens the real window on a virtual one, downloads from a server on this
# machine, drives the window with keys and mouse, and takes pictures: demo.sh PROGRAM
#
# It waits for what it can see (the list as JSON, the server's log, the window's title) and not for the clock;
# only where the graphs need something to show does it let seconds pass.
set -eu
program=$(realpath "$1")
pictures=$(realpath "$(dirname "$0")/..")/screenshots
PATH="$PATH:/usr/sbin:/sbin"

# The folder is seen in the pictures, so it has a short name where that is free.
temp=/tmp/demo
mkdir "$temp" 2>/dev/null || temp=$(mktemp -d /tmp/demo.XXXXXX)
processes=
clean_up() {
    # Only what was started here, the window first.
    for process in $processes; do
        kill "$process" 2>/dev/null || continue
        tries=0
        while kill -0 "$process" 2>/dev/null; do
            tries=$((tries + 1))
            [ "$tries" -ne 100 ] || kill -KILL "$process"
            sleep 0.1
        done
    done
    rm -rf "$temp"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
    echo "The demo stopped: $*" >&2
    for log in "$temp"/*.log; do
        [ ! -s "$log" ] || { echo "--- the end of $(basename "$log"):"; tail -n 5 "$log"; } >&2
    done
    exit 1
}

# Waits up to a minute until a command succeeds: until_true WHAT COMMAND...
until_true() {
    what=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "waited a minute in vain for $what."
        sleep 0.2
    done
}

# --- A server with something to download

mkdir "$temp/www" "$temp/Downloads" "$temp/state" "$temp/home" "$temp/nginx"
sample() {
    head -c "$2" /dev/urandom >"$temp/www/$1"
}
sample dataset-2026-11.tar.zst 160M
sample debian-netinst.iso 128M
sample lecture-07.mp4 48M
sample photos-2026.zip 40M
sample field-recordings.flac 36M
sample lecture-08.mp4 52M
sample notes.pdf 3M
files=$(ls "$temp/www")

# The server cannot choose a free port and say which, so ports are tried until one answers.
serve() {
    cat >"$temp/nginx/nginx.conf" <<END
daemon off;
master_process off;
pid $temp/nginx/pid;
error_log $temp/nginx.log warn;
events {}
http {
    access_log $temp/nginx/access;
    default_type application/octet-stream;
    client_body_temp_path $temp/nginx;
    proxy_temp_path $temp/nginx;
    fastcgi_temp_path $temp/nginx;
    uwsgi_temp_path $temp/nginx;
    scgi_temp_path $temp/nginx;
    server {
        listen 127.0.0.1:$1;
        root $temp/www;
        limit_rate 12m;
    }
}
END
    nginx -p "$temp/nginx" -c "$temp/nginx/nginx.conf" >"$temp/nginx.log" 2>&1 &
    server=$!
    # It binds before it writes its number down, and ends where it cannot bind.
    tries=0
    until [ -s "$temp/nginx/pid" ]; do
        tries=$((tries + 1))
        kill -0 "$server" 2>/dev/null && [ "$tries" -lt 100 ] || return 1
        sleep 0.1
    done
    kill -0 "$server" 2>/dev/null
}
port=8080
until serve "$port"; do
    port=$((port + 1))
    [ "$port" -lt 8120 ] || fail 'nginx found no free port.'
done
processes="$server $processes"
site=http://127.0.0.1:$port

# --- A display

Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp 3>"$temp/display" >"$temp/xvfb.log" 2>&1 &
processes="$! $processes"
until_true 'Xvfb' test -s "$temp/display"
DISPLAY=:$(cat "$temp/display")
export DISPLAY LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY WAYLAND_SOCKET

# --- Meanwhile, with a home of its own, so that nothing of the user's is touched or seen

export HOME="$temp/home" MEANWHILE_STATE_DIR="$temp/state"
unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
printf '(download_folder: "%s/Downloads")\n' "$temp" >"$temp/state/settings.ron"

meanwhile() {
    "$program" "$@"
}
add() {
    name=$1
    shift
    meanwhile add "$site/$name" --to "$temp/Downloads" "$@" >/dev/null || fail "$name could not be queued."
}
# The value of one field of one job: field JOB FIELD
field() {
    # The first of that name: files have some of the same.
    meanwhile show "$1" --json | tr ',{' '\n\n' |
        sed -n "s/^\"$2\":\"\{0,1\}\([^\"}]*\).*/\1/p" | head -n 1
}
is() {
    [ "$(field "$1" "$2")" = "$3" ]
}
has_bytes() {
    [ "$(field "$1" done_bytes)" -ge "$2" ]
}

"$program" >"$temp/meanwhile.log" 2>&1 &
window_process=$!
processes="$window_process $processes"
until_true 'the window' xdotool search --onlyvisible --name '^Meanwhile$'
window=$(xdotool search --onlyvisible --name '^Meanwhile$' | head -n 1)
# Nobody else gives it the keyboard here.
xdotool windowfocus --sync "$window"

# Moves the mouse to a place in the window; counted from its right or bottom edge where negative.
place() {
    left=0 top=0 width=0 height=0
    eval "$(xdotool getwindowgeometry --shell "$window" |
        sed -n 's/^X=/left=/p; s/^Y=/top=/p; s/^WIDTH=/width=/p; s/^HEIGHT=/height=/p')"
    x=$1 y=$2
    [ "$x" -ge 0 ] || x=$((width + x))
    [ "$y" -ge 0 ] || y=$((height + y))
    xdotool mousemove $((left + x)) $((top + y))
}
# Then away from there, where nothing lights up under it.
click() {
    place "$1" "$2"
    xdotool click 1
    sleep 0.1
    place 100 -200
}
# Fewer colours make a smaller file and are not seen; a picture without any is of nothing.
picture() {
    sleep 0.5
    import -silent -window "$window" -strip +dither -colors 255 -define png:compression-level=9 \
        "png8:$temp/picture.png"
    colors=$(identify -format %k "$temp/picture.png")
    [ "$colors" -ge 16 ] || fail "the picture $1.png shows nothing."
    mkdir -p "$pictures"
    mv "$temp/picture.png" "$pictures/$1.png"
    echo "  screenshots/$1.png"
}

echo 'Downloading from a server on this machine; it takes a bit more than a minute. Pictures:'
picture empty

# --- The list fills up: one runs beside the other, one is held, one fails, one is finished

meanwhile limit 4M >/dev/null
add dataset-2026-11.tar.zst
add debian-netinst.iso
add photos-2026.zip
add lecture-07.mp4 --priority low
add field-recordings.flac --paused
add firmware-4.2.bin --priority foreground
add notes.pdf --priority foreground
until_true 'notes.pdf' is notes.pdf state acknowledged
until_true 'the fault of an address that leads nowhere' is firmware-4.2.bin state error
until_true 'some of photos-2026.zip' has_bytes photos-2026.zip 6000000
meanwhile pause photos-2026.zip >/dev/null

# The arrow selects the first row, and the panel with its graph opens.
xdotool key Down
sleep 10
meanwhile limit 7M >/dev/null
sleep 7
meanwhile pause dataset-2026-11.tar.zst >/dev/null
sleep 4
meanwhile resume dataset-2026-11.tar.zst >/dev/null
sleep 5

# --- One more, by hand

xdotool key ctrl+n
sleep 0.5
xdotool type --delay 15 "$site/lecture-08.mp4"
until_true 'the question the dialog asks the server' grep -q lecture-08.mp4 "$temp/nginx/access"
sleep 0.5
picture add
xdotool key ctrl+Return
until_true 'what was typed into the dialog' is lecture-08.mp4 name lecture-08.mp4

# --- The cap, by hand: the slider is dragged to the left

before=$(meanwhile limit --json)
place -388 28
# A busy machine needs a moment to see where the mouse is.
sleep 0.5
xdotool mousedown 1
sleep 0.2
for x in -398 -408 -413 -418; do
    place "$x" 28
    sleep 0.2
done
xdotool mouseup 1
place 100 -200
cap_has_moved() {
    [ "$(meanwhile limit --json)" != "$before" ]
}
until_true 'the cap that was dragged' cap_has_moved
sleep 8
meanwhile limit 5M >/dev/null
sleep 12
picture main-light

# --- What is known of one download: the panel's second tab

click 302 -271
picture details

# --- The same in the dark: back to the graph, and the choice in the settings, which open in the middle

click 242 -271
click 100 -28
sleep 0.5
click $((width / 2)) $((height / 2 + 98))
sleep 0.5
click $((width / 2 - 60)) $((height / 2 + 217))
until_true 'the dark appearance' grep -q '"dark"' "$temp/state/settings.ron"
xdotool key Escape
picture main-dark

# --- To the end: everything goes as fast as it can, and what arrived is compared with what was sent

meanwhile limit off >/dev/null
meanwhile resume photos-2026.zip field-recordings.flac >/dev/null
for name in $files; do
    until_true "the end of $name" is "$name" state acknowledged
    cmp "$temp/www/$name" "$temp/Downloads/$name" || fail "$name arrived with other bytes."
done
kill -0 "$window_process" || fail 'the window is gone.'
echo "All $(echo "$files" | wc -w) downloads came out identical. The pictures are in screenshots/."
