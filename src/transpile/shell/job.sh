#!/bin/sh
# Job @JOB@ of workflow @WORKFLOW@, written by holdall from @CONFIG@.
#
# Needs sh, tar, gzip and sha256sum or shasum, and what the steps call. What may be set:
#   HOLDALL_STORE      the store of layers (default: .holdall/store below the current folder)
#   HOLDALL_WORKSPACE  the workspace in it (default: default)
#   HOLDALL_PROJECT    what checkout copies (default: the current folder)
#   HOLDALL_HOME       the job's home folder (default: a new one below .holdall/work)
# Absolute paths of the config are written as they are: run this where they may be written.
set -eu

HOLDALL_STORE=${HOLDALL_STORE:-$PWD/.holdall/store}
case $HOLDALL_STORE in /* | file:*) ;; *) HOLDALL_STORE=$PWD/$HOLDALL_STORE ;; esac
HOLDALL_WORKSPACE=${HOLDALL_WORKSPACE:-default}
HOLDALL_PROJECT=${HOLDALL_PROJECT:-$PWD}
if [ -z "${HOLDALL_HOME:-}" ]; then
  # The folder is removed first: it must not be one that this script did not make.
  case /$HOLDALL_WORKSPACE/ in */../*)
    printf 'holdall: the workspace %s leads out of its folder\n' "$HOLDALL_WORKSPACE" >&2
    exit 2 ;;
  esac
  HOLDALL_HOME=$PWD/.holdall/work/$HOLDALL_WORKSPACE/@FILE@
  rm -rf "$HOLDALL_HOME"
fi
mkdir -p "$HOLDALL_HOME"
HOME=$HOLDALL_HOME
holdall_private=$(mktemp -d "${TMPDIR:-/tmp}/holdall-job.XXXXXX")
trap 'rm -rf "$holdall_private"' EXIT
trap 'exit 130' HUP INT TERM
: >"$holdall_private/env"
CI=true CIRCLECI=true CIRCLE_JOB=@NAME@ CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=1
CIRCLE_WORKFLOW_WORKSPACE_ID=$HOLDALL_WORKSPACE CIRCLE_WORKING_DIRECTORY=@DIRECTORY@ BASH_ENV=$holdall_private/env
export HOME HOLDALL_STORE HOLDALL_WORKSPACE HOLDALL_PROJECT CI CIRCLECI CIRCLE_JOB CIRCLE_NODE_INDEX CIRCLE_NODE_TOTAL
export CIRCLE_WORKFLOW_WORKSPACE_ID CIRCLE_WORKING_DIRECTORY BASH_ENV

# A path of the config, with ~ put in.
holdall_home() { case $1 in '~') printf '%s' "$HOME" ;; '~/'*) printf '%s' "$HOME/${1#??}" ;; *) printf '%s' "$1" ;; esac; }

# The service's default shell, and what stands in for it.
if [ -x /bin/bash ]; then holdall_shell='/bin/bash -eo pipefail'; else holdall_shell='/bin/sh -e'; fi

holdall_directory=$(holdall_home @DIRECTORY@)
case $holdall_directory in /*) ;; *) holdall_directory=$HOME/$holdall_directory ;; esac
mkdir -p "$holdall_directory"
holdall_code=0

# Says whether a step runs after what happened so far, and names it.
holdall_begin() { # WHEN TITLE
  case $1:$holdall_code in on_success:0 | on_fail:[1-9]* | always:*) printf '> %s\n' "$2" ;; *) return 1 ;; esac
}
holdall_end() { # EXIT-CODE
  set -e
  [ "$1" != 0 ] || return 0
  printf 'the step failed with exit code %s\n' "$1" >&2
  holdall_code=1
}
# Copies the committed state of the project, as a fresh clone.
holdall_checkout() { # PATH
  holdall_to=$(holdall_home "$1")
  mkdir -p "$holdall_to" && cd "$holdall_to"
  if [ -d .git ]; then git pull --quiet --ff-only "$HOLDALL_PROJECT"; return; fi
  if [ -n "$(ls -A)" ]; then
    printf 'Directory (%s) you are trying to checkout to is not empty and not a git repository\n' "$PWD" >&2
    return 1
  fi
  git clone --quiet --no-hardlinks "$HOLDALL_PROJECT" .
}

