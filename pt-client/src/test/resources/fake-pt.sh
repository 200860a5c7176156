#!/bin/sh
#
# A pluggable transport that behaves, or does not: fake-pt.sh MODE DIRECTORY [ARGUMENT ...]
# What it wants to tell its test goes into files in DIRECTORY.

mode=$1
dir=$2
shift 2

ready() {
  echo 'VERSION 1'
  echo 'CMETHOD foo socks5 127.0.0.1:4321'
  echo 'CMETHODS DONE'
}

# Waits for the end of standard input.
hold() {
  while read -r _; do :; done
}

# Starts a child that outlives this script.
start_child() {
  sleep 1000 &
  echo $! >"$dir/child"
}

case $mode in
  ready)
    ready
    hold
    ;;
  ready-server)
    echo 'VERSION 1'
    echo 'SMETHOD foo 127.0.0.1:4321 ARGS:cert=x,iat-mode=0'
    echo 'SMETHODS DONE'
    hold
    ;;
  env-error)
    echo 'ENV-ERROR no TOR_PT_STATE_LOCATION environment variable'
    exit 1
    ;;
  env-error-and-stays)
    echo 'ENV-ERROR no TOR_PT_STATE_LOCATION environment variable'
    trap '' TERM
    while :; do sleep 1; done
    ;;
  silent)
    hold
    ;;
  exits)
    printf '%s\n' one two '' '  three %s ' four >&2
    exit 7
    ;;
  exits-with-long-words)
    head -c 2000 /dev/zero | tr '\0' x >&2
    exit 7
    ;;
  dies)
    echo 'VERSION 1'
    kill -9 $$
    ;;
  dies-later)
    ready
    until [ -e "$dir/die" ]; do sleep 0.02; done
    echo 'last words' >&2
    exit 5
    ;;
  dies-and-leaves-child)
    start_child
    echo 'VERSION 1'
    echo 'child took over' >&2
    exit 3
    ;;
  closes-stdout)
    ready
    exec >&-
    : >"$dir/closed"
    hold
    ;;
  closes-stdout-before-done)
    echo 'VERSION 1'
    exec >&-
    hold
    ;;
  ignores-stdin)
    ready
    exec sleep 1000
    ;;
  stubborn)
    trap '' TERM
    start_child
    ready
    while :; do wait; done
    ;;
  endless-line)
    head -c 5000000 /dev/zero | tr '\0' x
    echo
    ready
    hold
    ;;
  endless-line-at-end)
    ready
    head -c 5000000 /dev/zero | tr '\0' x
    : >"$dir/written"
    hold
    ;;
  log-flood)
    yes 'LOG SEVERITY=debug MESSAGE="flood"' | head -n 100000
    ready
    hold
    ;;
  log-flood-after-done)
    ready
    yes 'LOG SEVERITY=debug MESSAGE="flood"' | head -n 100000
    : >"$dir/written"
    hold
    ;;
  garbage)
    cat "$dir/garbage"
    echo
    ready
    hold
    ;;
  stderr-flood)
    yes 'something went wrong' | head -c 1000000 >&2
    ready
    hold
    ;;
  stderr-endless-line)
    head -c 1000000 /dev/zero | tr '\0' x >&2
    ready
    hold
    ;;
  arguments)
    for argument; do printf '%s\000' "$argument"; done >"$dir/arguments"
    ready
    hold
    ;;
  environment)
    env >"$dir/environment"
    ready
    hold
    ;;
  held-stdin)
    ready
    hold
    # The test says so before it lets go of standard input.
    [ -e "$dir/closing" ] && exit 0
    exit 9
    ;;
  *)
    echo "no such mode: $mode" >&2
    exit 99
    ;;
esac
