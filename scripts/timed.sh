#!/bin/sh
# Runs a command and says how long it took: timed.sh NAME COMMAND...
name=$1
shift
began=$(date +%s)
code=0
"$@" || code=$?
echo "== $name: $(($(date +%s) - began)) s, $([ "$code" -eq 0 ] && echo passed || echo FAILED)"
exit "$code"
