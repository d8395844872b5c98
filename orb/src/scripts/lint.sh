#!/bin/bash
# Checks configs: once for the test results, once for people. A check takes milliseconds.
set -euo pipefail

asked=()
[ -z "${HOLDALL_LEVEL:-}" ] || asked+=("--level=$HOLDALL_LEVEL")
paths=()
while IFS= read -r line; do
  [ -z "${line//[[:space:]]/}" ] || paths+=("$line")
done < <(printf '%s\n' "${HOLDALL_PATHS:-}")

lint() {
  holdall lint ${asked[@]+"${asked[@]}"} "$@" -- ${paths[@]+"${paths[@]}"}
}

mkdir -p -- "$HOLDALL_RESULTS/holdall"
lint --fail-on never --format junit >"$HOLDALL_RESULTS/holdall/results.xml"
[ -z "${HOLDALL_FAIL_ON:-}" ] || asked+=("--fail-on=$HOLDALL_FAIL_ON")
lint --format human
