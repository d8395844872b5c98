#!/bin/bash
# Adds a layer of this job. The folder may begin with ~, as that of persist_to_workspace may.
set -euo pipefail

root=$PERSIST_ROOT
case $root in \~) root=$HOME ;; \~/*) root=$HOME/${root#??} ;; esac
options=(--root "$root" --job "$CIRCLE_JOB" --workspace "${HOLDALL_WORKSPACE:-$CIRCLE_WORKFLOW_WORKSPACE_ID}")
[ -z "$PERSIST_STORE" ] || options+=(--store "$PERSIST_STORE")
read -ra requires < <(printf '%s\n' "$PERSIST_REQUIRES")
for job in ${requires[@]+"${requires[@]}"}; do
  options+=(--requires "$job")
done
paths=()
while IFS= read -r line; do
  [ -z "${line//[[:space:]]/}" ] || paths+=("$line")
done < <(printf '%s\n' "$PERSIST_PATHS")
holdall persist "${options[@]}" -- "${paths[@]}"
