#!/bin/bash
# Applies layers. The folder may begin with ~, as that of attach_workspace may.
set -euo pipefail

at=$ATTACH_AT
case $at in \~) at=$HOME ;; \~/*) at=$HOME/${at#??} ;; esac
options=(--at "$at" --workspace "${HOLDALL_WORKSPACE:-$CIRCLE_WORKFLOW_WORKSPACE_ID}")
[ -z "$ATTACH_STORE" ] || options+=(--store "$ATTACH_STORE")
read -ra upstream < <(printf '%s\n' "$ATTACH_UPSTREAM")
if [ ${#upstream[@]} -eq 0 ]; then
  options+=(--all)
fi
for job in ${upstream[@]+"${upstream[@]}"}; do
  options+=(--upstream "$job")
done
holdall attach "${options[@]}"
