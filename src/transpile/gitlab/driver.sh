# Runs the steps of a CircleCI job under GitLab: each in a fresh shell of its own, written by holdall.
holdall_private=$(mktemp -d "${TMPDIR:-/tmp}/holdall.XXXXXX")
# Where GitLab fetched the repository to, and collects artifacts and caches from.
holdall_fetched=$PWD
holdall_carried=$holdall_fetched/.holdall holdall_caches=$holdall_fetched/.holdall/cache
# What other pipelines left on the runner is none of this one's.
holdall_layers=$holdall_carried/layers/$CI_PIPELINE_ID
holdall_code=0 holdall_count=0 holdall_pids=''
# A runner without containers has one home for all jobs: this one gets its own.
if [ -z "${CI_DISPOSABLE_ENVIRONMENT:-}" ]; then HOME=${HOLDALL_HOME:-$holdall_private/home}; export HOME; mkdir -p "$HOME"; fi
export CI=true CIRCLECI=true BASH_ENV="$holdall_private/env" HOLDALL_STORE="$holdall_private/store" HOLDALL_WORKSPACE="$CI_PIPELINE_ID"
export HOLDALL_HALT="$holdall_private/halt" PATH="$holdall_private/bin:$PATH"
mkdir -p "$holdall_private/bin"
: >"$BASH_ENV"
# Sets a variable of the service, which wins over one of the project; one without a value stays unset.
holdall_set() { [ -z "$2" ] || export "$1=$2"; }
holdall_set CIRCLE_BRANCH "${CI_COMMIT_BRANCH:-${CI_MERGE_REQUEST_SOURCE_BRANCH_NAME:-}}"
holdall_set CIRCLE_TAG "${CI_COMMIT_TAG:-}"
holdall_set CIRCLE_SHA1 "$CI_COMMIT_SHA"
holdall_set CIRCLE_BUILD_NUM "${CI_JOB_ID:-}"
holdall_set CIRCLE_BUILD_URL "${CI_JOB_URL:-}"
holdall_set CIRCLE_WORKFLOW_JOB_ID "${CI_JOB_ID:-}"
holdall_set CIRCLE_PIPELINE_ID "${CI_PIPELINE_ID:-}"
holdall_set CIRCLE_WORKFLOW_ID "${CI_PIPELINE_ID:-}"
holdall_set CIRCLE_WORKFLOW_WORKSPACE_ID "${CI_PIPELINE_ID:-}"
holdall_set CIRCLE_PROJECT_ID "${CI_PROJECT_ID:-}"
holdall_set CIRCLE_ORGANIZATION_ID "${CI_PROJECT_NAMESPACE_ID:-}"
holdall_set CIRCLE_PROJECT_REPONAME "${CI_PROJECT_NAME:-}"
holdall_set CIRCLE_PROJECT_USERNAME "${CI_PROJECT_NAMESPACE:-}"
holdall_set CIRCLE_REPOSITORY_URL "git@${CI_SERVER_HOST:-}:${CI_PROJECT_PATH:-}.git"
holdall_set CIRCLE_USERNAME "${GITLAB_USER_LOGIN:-}"
holdall_set CIRCLE_PR_NUMBER "${CI_MERGE_REQUEST_IID:-}"
holdall_set CIRCLE_PR_REPONAME "${CI_MERGE_REQUEST_SOURCE_PROJECT_PATH:+${CI_MERGE_REQUEST_SOURCE_PROJECT_PATH##*/}}"
# The merge requests of a branch, group/project!1,group/project!2, as addresses.
holdall_requests=$(printf '%s' "${CI_OPEN_MERGE_REQUESTS:-}" | sed "s,\([^,]*\)!\([0-9]*\),${CI_SERVER_URL:-}/\1/-/merge_requests/\2,g")
holdall_set CIRCLE_PULL_REQUEST "${holdall_requests%%,*}"
holdall_set CIRCLE_PULL_REQUESTS "$holdall_requests"
export CIRCLE_SHELL_ENV="$BASH_ENV" CIRCLE_INTERNAL_TASK_DATA="$holdall_private"
# GitLab counts nodes from one.
export CIRCLE_NODE_INDEX="$((${CI_NODE_INDEX:-1} - 1))" CIRCLE_NODE_TOTAL="${CI_NODE_TOTAL:-1}"

# The service's default shell, and what stands in for it.
if [ -x /bin/bash ]; then holdall_shell='/bin/bash -eo pipefail'
elif /bin/sh -o pipefail -c : 2>/dev/null; then holdall_shell='/bin/sh -eo pipefail'
else holdall_shell='/bin/sh -e'; fi

# A path of the config, with ~ put in.
holdall_home() { case $1 in '~') printf '%s' "$HOME" ;; '~/'*) printf '%s' "$HOME/${1#??}" ;; *) printf '%s' "$1" ;; esac; }
holdall_directory=$(holdall_home "$CIRCLE_WORKING_DIRECTORY")
case $holdall_directory in /*) ;; *) holdall_directory=$HOME/$holdall_directory ;; esac
mkdir -p "$holdall_directory"

# Says whether a step runs after what happened so far, and names it.
holdall_begin() { # WHEN TITLE
  [ ! -e "$holdall_private/halt" ] || return 1
  case $1:$holdall_code in on_success:0 | on_fail:[1-9]* | always:*) printf '> %s\n' "$2" ;; *) return 1 ;; esac
}
holdall_end() { # EXIT-CODE
  [ "$1" != 0 ] || return 0
  printf 'the step failed with exit code %s\n' "$1" >&2
  holdall_code=1
}
# Runs a step of the job; its script comes in.
holdall_run() { # [-w WHEN] [-s SHELL] [-d DIRECTORY] [-b] [-r RERUNS SECONDS] TITLE [NAME=VALUE...]
  holdall_when=on_success holdall_with=$holdall_shell holdall_in=. holdall_back='' holdall_again=0 holdall_pause=0
  while :; do
    case $1 in
      -w) holdall_when=$2; shift 2 ;;
      -s) holdall_with=$2; shift 2 ;;
      -d) holdall_in=$2; shift 2 ;;
      -b) holdall_back=yes; shift ;;
      -r) holdall_again=$2 holdall_pause=$3; shift 3 ;;
      *) break ;;
    esac
  done
  holdall_count=$((holdall_count + 1))
  cat >"$holdall_private/step-$holdall_count"
  holdall_begin "$holdall_when" "$1" || return 0
  shift
  holdall_in=$(holdall_home "$holdall_in")
  if [ -n "$holdall_back" ]; then
    (cd "$holdall_directory" && cd "$holdall_in" && exec env "$@" $holdall_with "$holdall_private/step-$holdall_count") </dev/null &
    holdall_pids="$holdall_pids $!"
    return 0
  fi
  while :; do
    holdall_got=0
    (cd "$holdall_directory" && cd "$holdall_in" && exec env "$@" $holdall_with "$holdall_private/step-$holdall_count") </dev/null || holdall_got=$?
    [ "$holdall_got" != 0 ] && [ "$holdall_again" != 0 ] || break
    holdall_again=$((holdall_again - 1))
    printf 'the step failed with exit code %s and runs again\n' "$holdall_got" >&2
    sleep "$holdall_pause"
  done
  holdall_end "$holdall_got"
}
# Runs a step of the service in the job's folder.
holdall_do() { # WHEN TITLE COMMAND [WORD...]
  holdall_begin "$1" "$2" || { rm -f "$holdall_private/no-key"; return 0; }
  shift 2
  # Not behind `||`: there the shell would not stop the functions at their first failure.
  set +e
  (set -e; cd "$holdall_directory"; "$@") </dev/null
  holdall_got=$?
  set -e
  rm -f "$holdall_private/no-key"
  holdall_end "$holdall_got"
}
# Copies what GitLab fetched, as a fresh clone.
holdall_checkout() { # [PATH]
  holdall_to=$(holdall_home "${1:-.}")
  mkdir -p "$holdall_to"
  cd "$holdall_to"
  if [ -d .git ]; then return 0; fi
  if [ -n "$(ls -A)" ]; then
    printf 'Directory (%s) you are trying to checkout to is not empty and not a git repository\n' "$PWD" >&2
    return 1
  fi
  for holdall_entry in "$holdall_fetched"/* "$holdall_fetched"/.[!.]* "$holdall_fetched"/..?*; do
    if [ "$holdall_entry" = "$holdall_carried" ]; then continue; fi
    if [ -e "$holdall_entry" ] || [ -L "$holdall_entry" ]; then cp -a "$holdall_entry" .; fi
  done
}
# Puts a file or folder where GitLab collects this job's artifacts or reports.
holdall_store() { # KIND DESTINATION PATH
  holdall_from=$(holdall_home "$3")
  # What another pipeline left on the runner goes first.
  holdall_own=${2%%/*}
  [ -e "$holdall_private/kept-$1" ] || { rm -rf "${holdall_carried:?}/$1/${holdall_own:?}"; : >"$holdall_private/kept-$1"; }
  if [ ! -e "$holdall_from" ]; then printf '%s does not exist\n' "$holdall_from" >&2; return 0; fi
  holdall_to=$holdall_carried/$1/$2
  if [ -d "$holdall_from" ]; then mkdir -p "$holdall_to"; cp -RL "$holdall_from/." "$holdall_to/"
  else mkdir -p "${holdall_to%/*}"; cp -L "$holdall_from" "$holdall_to"; fi
}
# Ends the job as its steps went.
holdall_finish() {
  for holdall_pid in $holdall_pids; do kill "$holdall_pid" 2>/dev/null || :; done
  chmod -R u+rwX "$holdall_private" 2>/dev/null || :
  rm -rf "$holdall_private" || :
  exit "$holdall_code"
}
