#!/usr/bin/env bash
# Run the tests in two lanes side by side, since tests often wait for processes to start.
#
#   tests/run_lanes.sh [pytest's arguments]      with PYTHON= for another interpreter than .venv's
#
# One lane takes Spark Connect, which needs a process of its own (a process that has held Connect's session gives no
# other kind any more), then the bundle, whole runs and faults, and in one more process what is about Spark. The other
# takes all the rest. What the first lane printed is shown when both have ended. The exit code is 0 only where every part
# exited with 0.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-.venv/bin/python}
aside=(tests/bundle tests/e2e tests/faults)
spark=tests/spark

aside_lane() {
  local code
  "$python" -m pytest "$@" --connect tests/contract
  code=$?
  "$python" -m pytest "$@" "${aside[@]}"
  code=$(($? | code))
  "$python" -m pytest "$@" "$spark"
  return $(($? | code))
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

aside_lane "$@" >"$log" 2>&1 &
beside=$!

# A shell's background jobs ignore Ctrl-C, so the lane and its pytest are ended by their ids.
stop() {
  trap - INT TERM
  pkill -P "$beside"
  kill "$beside" 2>/dev/null
  exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM

"$python" -m pytest "$@" "${aside[@]/#/--ignore=}" "--ignore=$spark"
rest=$?
wait "$beside"
beside_code=$?
cat "$log"
exit $((rest | beside_code))
