#!/bin/sh
# Job @JOB@ of workflow @WORKFLOW@, written by holdall from @CONFIG@.
#
# Needs sh, tar, gzip and sha256sum or shasum, and what the steps call. What may be set:
#   HOLDALL_PROJECT    what checkout copies (default: the current folder)
#   HOLDALL_STORE      the store of layers (default: .holdall/store below the current folder)
#   HOLDALL_WORKSPACE  the workspace in it (default: default)
#   HOLDALL_RUN        where logs, artifacts and test results go (default: .holdall/work/WORKSPACE)
#   HOLDALL_HOME       the job's home folder (default: a new one below HOLDALL_RUN)
#   HOLDALL_CACHE      where caches are kept (default: .holdall/cache)
#   HOLDALL_CONTEXTS   files NAME.env with the variables of contexts (default: .holdall/contexts)
#   HOLDALL_NODE       which of its parallel nodes this is, from 0 (default: 0)
#   HOLDALL_BRANCH, HOLDALL_TAG   what was pushed (default: what is checked out)
# Variables that are exported reach the steps, as those of the project's settings would.
# Absolute paths of the config are written as they are: run this where they may be written.
@NOTES@# shellcheck disable=@CHECKS@
set -eu

HOLDALL_WORKSPACE=${HOLDALL_WORKSPACE:-default}
# Folders below it are removed: it must not be one that this script did not make.
case /$HOLDALL_WORKSPACE/ in */../* | */./*)
  printf 'holdall: the workspace %s leads out of its folder\n' "$HOLDALL_WORKSPACE" >&2
  exit 2 ;;
esac
holdall_absolute() { case $1 in /* | file:*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
HOLDALL_STORE=$(holdall_absolute "${HOLDALL_STORE:-.holdall/store}")
HOLDALL_RUN=$(holdall_absolute "${HOLDALL_RUN:-.holdall/work/$HOLDALL_WORKSPACE}")
HOLDALL_CACHE=$(holdall_absolute "${HOLDALL_CACHE:-.holdall/cache}")
HOLDALL_CONTEXTS=$(holdall_absolute "${HOLDALL_CONTEXTS:-.holdall/contexts}")
CIRCLE_NODE_INDEX=${HOLDALL_NODE:-0} CIRCLE_NODE_TOTAL=@NODES@
holdall_name=@FILE@
if [ "$CIRCLE_NODE_TOTAL" != 1 ]; then holdall_name=$holdall_name@$CIRCLE_NODE_INDEX; fi

