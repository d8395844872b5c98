#!/bin/sh
# Workflow @WORKFLOW@, written by holdall from @CONFIG@: runs its jobs one after the other, each
# when what it requires has ended as it should. The scripts in jobs/ say what may be set.
set -eu

holdall_here=$(cd "$(dirname "$0")" && pwd)
HOLDALL_STORE=${HOLDALL_STORE:-$PWD/.holdall/store}
case $HOLDALL_STORE in /* | file:*) ;; *) HOLDALL_STORE=$PWD/$HOLDALL_STORE ;; esac
# Workspaces are never shared between runs.
HOLDALL_WORKSPACE=${HOLDALL_WORKSPACE:-$(date -u +%Y%m%dT%H%M%SZ)-$$}
export HOLDALL_STORE HOLDALL_WORKSPACE
holdall_state=$(mktemp -d "${TMPDIR:-/tmp}/holdall-workflow.XXXXXX")
trap 'rm -rf "$holdall_state"' EXIT
trap 'exit 130' HUP INT TERM
: >"$holdall_state/order"

holdall_job() { # JOB SCRIPT REQUIRED:STATUS,...
  holdall_name=$1 holdall_script=$2
  shift 2
  printf '%s\n' "$holdall_name" >>"$holdall_state/order"
  for holdall_need do
    holdall_got=$(cat "$holdall_state/${holdall_need%%:*}.status")
    case ,${holdall_need#*:}, in
      *,"$holdall_got",*) ;;
      *)
        printf '== %s: not run, since %s ended as %s\n' "$holdall_name" "${holdall_need%%:*}" "$holdall_got"
        echo not_run >"$holdall_state/$holdall_name.status"
        return
        ;;
    esac
  done
  printf '== %s\n' "$holdall_name"
  if [ "$holdall_script" = - ] || sh "$holdall_here/$holdall_script"; then
    echo success >"$holdall_state/$holdall_name.status"
  else
    echo failed >"$holdall_state/$holdall_name.status"
  fi
}
holdall_summary() {
  holdall_failed=0
  printf '== workspace %s in %s\n' "$HOLDALL_WORKSPACE" "$HOLDALL_STORE"
  while IFS= read -r holdall_name; do
    holdall_got=$(cat "$holdall_state/$holdall_name.status")
    printf '%-12s %s\n' "$holdall_got" "$holdall_name"
    [ "$holdall_got" != failed ] || holdall_failed=1
  done <"$holdall_state/order"
  exit "$holdall_failed"
}
