#!/bin/sh
# Workflow @WORKFLOW@, written by holdall from @CONFIG@: runs its jobs one after the other, each
# when what it requires has ended as it should. The scripts in jobs/ say what may be set.
@NOTES@# shellcheck disable=SC2317 # not every workflow uses all of it
set -eu

holdall_usage() {
  printf '%s\n' "usage: $0 [OPTION...]" \
    '  --branch NAME, --tag NAME   what was pushed (default: what is checked out)' \
    '  --parameter NAME=VALUE      a parameter of the pipeline, or a value by its full name' \
    '  --approve JOB               let an approval pass; without, a terminal is asked' \
    '  --approve-all               let all of them pass' \
    '  --rerun-from-failed ID      go on with a run: jobs that succeeded are not run again'
}
holdall_wrong() { printf 'holdall: %s\n' "$*" >&2; exit 2; }
holdall_set() { # VARIABLE VALUE [ALLOWED...]
  holdall_variable=$1 holdall_value=$2
  shift 2
  if [ $# != 0 ]; then
    case " $* " in *" $holdall_value "*) ;; *) holdall_wrong "$holdall_value is none of: $*" ;; esac
  fi
  # shellcheck disable=SC2163 # the variable that it names
  export "$holdall_variable=$holdall_value"
}
holdall_parameter() { # NAME VALUE
  case $1 in
@PARAMETERS@    pipeline.*) holdall_set "$(printf '%s' "$1" | LC_ALL=C tr '[:lower:]' '[:upper:]' | LC_ALL=C tr -c '[:upper:][:digit:]' '_')" "$2" ;;
    *) holdall_wrong "the pipeline has no parameter $1" ;;
  esac
}
holdall_approved='' holdall_all='' holdall_rerun=''
# shellcheck disable=SC2034 # where no job waits for approval
while [ $# != 0 ]; do
  case $1 in --approve-all | -h | --help) ;; *) [ $# -gt 1 ] || { holdall_usage >&2; exit 2; } ;; esac
  case $1 in
    --branch) HOLDALL_BRANCH=$2 HOLDALL_TAG=''; shift 2 ;;
    --tag) HOLDALL_TAG=$2 HOLDALL_BRANCH=''; shift 2 ;;
    --parameter) holdall_parameter "${2%%=*}" "${2#*=}"; shift 2 ;;
    --approve) holdall_approved="$holdall_approved$2
"; shift 2 ;;
    --approve-all) holdall_all=yes; shift ;;
    --rerun-from-failed) HOLDALL_WORKSPACE=$2 holdall_rerun=yes; shift 2 ;;
    -h | --help) holdall_usage; exit ;;
    *) holdall_usage >&2; exit 2 ;;
  esac
done

# Workspaces are never shared between runs.
HOLDALL_WORKSPACE=${HOLDALL_WORKSPACE:-$(date -u +%Y%m%dT%H%M%SZ)-$$}
case /$HOLDALL_WORKSPACE/ in */../* | */./*) holdall_wrong "the workspace $HOLDALL_WORKSPACE leads out of its folder" ;; esac
HOLDALL_STORE=${HOLDALL_STORE:-$PWD/.holdall/store}
HOLDALL_RUN=${HOLDALL_RUN:-$PWD/.holdall/work/$HOLDALL_WORKSPACE}
case $HOLDALL_STORE in /* | file:*) ;; *) HOLDALL_STORE=$PWD/$HOLDALL_STORE ;; esac
case $HOLDALL_RUN in /*) ;; *) HOLDALL_RUN=$PWD/$HOLDALL_RUN ;; esac
@FACTS@export HOLDALL_STORE HOLDALL_RUN HOLDALL_WORKSPACE HOLDALL_PROJECT HOLDALL_BRANCH HOLDALL_TAG HOLDALL_NUMBER HOLDALL_ATTEMPT
@VALUES@
holdall_state=$HOLDALL_RUN/@FILE@.status holdall_left=@RERUNS@
trap 'exit 130' HUP INT TERM
# Forgets how jobs ended that did not succeed, and lets newer layers win over older ones.
holdall_again() {
  for holdall_file in "$holdall_state"/*; do
    if [ -f "$holdall_file" ] && [ "$(cat "$holdall_file")" != success ]; then rm -f "$holdall_file"; fi
  done
  HOLDALL_ATTEMPT=$((HOLDALL_ATTEMPT + 1))
  printf '%s\n' "$HOLDALL_ATTEMPT" >"$holdall_state.attempt"
}
HOLDALL_ATTEMPT=1
if [ -n "$holdall_rerun" ]; then
  [ -d "$holdall_state" ] || holdall_wrong "no run is called $HOLDALL_WORKSPACE here"
  HOLDALL_ATTEMPT=$(cat "$holdall_state.attempt" 2>/dev/null || echo 1)
  holdall_again
else
  rm -rf "$holdall_state" "$holdall_state.attempt"
fi
mkdir -p "$holdall_state"
: >"$holdall_state.order"

# A workflow runs for a branch unless its filters say otherwise, and for a tag only if they do.
holdall_reset() { if [ -n "$HOLDALL_TAG" ]; then holdall_admitted=no; else holdall_admitted=yes; fi; }
holdall_reset
@FUNCTIONS@# Says whether what a job requires lets it run; if not, that is how the job ended.
holdall_ready() { # JOB REQUIRED:STATUS,...
  holdall_job=$1 holdall_here_too=$holdall_admitted holdall_all_left_out=yes holdall_why=''
  shift
  holdall_reset
  printf '%s\n' "$holdall_job" >>"$holdall_state.order"
  if [ -f "$holdall_state/$holdall_job" ]; then return 1; fi
  for holdall_need do
    holdall_got=$(cat "$holdall_state/${holdall_need%%:*}")
    # What was left out is not waited for, unless there is nothing else.
    if [ "$holdall_got" = filtered ]; then continue; fi
    holdall_all_left_out=no
    case ,${holdall_need#*:}, in
      *,"$holdall_got",*) ;;
      *)
        case $holdall_got in on_hold | blocked) holdall_got=blocked ;; *) holdall_got=not_run ;; esac
        if [ "$holdall_why" != blocked ]; then holdall_why=$holdall_got; fi
        printf '== %s does not run: %s is %s\n' "$holdall_job" "${holdall_need%%:*}" "$(cat "$holdall_state/${holdall_need%%:*}")" ;;
    esac
  done
  if [ $# = 0 ]; then holdall_all_left_out=no; fi
  if [ "$holdall_here_too" = no ] || [ "$holdall_all_left_out" = yes ]; then holdall_why=filtered; fi
  if [ -z "$holdall_why" ]; then return 0; fi
  printf '%s\n' "$holdall_why" >"$holdall_state/$holdall_job"
  return 1
}
holdall_ended() { printf '%s\n' "$2" >"$holdall_state/$1"; } # JOB STATUS
@JOBS@# The workflow is over: again what failed, if the config says so; then how each job ended.
holdall_finish() {
  while [ "$holdall_left" -gt 0 ] && grep -qx failed "$holdall_state"/*; do
    holdall_left=$((holdall_left - 1))
    printf '== again: a job failed\n'
    : >"$holdall_state.order"
    holdall_again
    holdall_jobs
  done
  holdall_code=0
  printf '== workspace %s in %s, logs in %s\n' "$HOLDALL_WORKSPACE" "$HOLDALL_STORE" "$HOLDALL_RUN/logs"
  while IFS= read -r holdall_job; do
    holdall_got=$(cat "$holdall_state/$holdall_job")
    printf '%-12s %s\n' "$holdall_got" "$holdall_job"
    case $holdall_got in failed | canceled) holdall_code=1 ;; esac
  done <"$holdall_state.order"
  exit "$holdall_code"
}
