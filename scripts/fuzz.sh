#!/bin/sh
# Builds the fuzz targets and runs each, or those that are named, for a time: fuzz.sh [SECONDS [TARGET...]]
# What was found to be of interest stays in fuzz/corpus, and what broke in fuzz/artifacts.
set -eu
seconds=${1:-30}
[ $# -eq 0 ] || shift
cd "$(dirname "$0")/.."

command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked cargo-fuzz

# Without a sanitizer, which only nightly compilers have: there is no unsafe code in what runs here. The rest of what
# cargo-fuzz asks of a compiler the stable one can do as well.
fuzz() {
    command=$1
    shift
    cargo fuzz "$command" --sanitizer none --codegen-units 16 "$@"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo 'Building; the first time takes some minutes.'
fuzz build >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }

[ $# -gt 0 ] || set -- $(cargo fuzz list)
for target; do
    mkdir -p "fuzz/corpus/$target"
    # The first folder is where new inputs go. An input that takes 10 s, or a GiB, is a find too.
    fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1 \
        || { tail -n 40 "$log" >&2; echo "== $target: FAILED" >&2; exit 1; }
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    echo "== $target: $seconds s, $runs inputs, $reached places reached, nothing broke"
done
