
# The service's default shell, and what stands in for it.
if [ -x /bin/bash ]; then holdall_shell='/bin/bash -eo pipefail'
elif /bin/sh -o pipefail -c : 2>/dev/null; then holdall_shell='/bin/sh -eo pipefail'
else holdall_shell='/bin/sh -e'; fi

# A path of the config, with ~ put in.
holdall_home() { case $1 in \~) printf '%s' "$HOME" ;; \~/*) printf '%s' "$HOME/${1#??}" ;; *) printf '%s' "$1" ;; esac; }

# All that the job says goes into its log too.
mkfifo "$holdall_private/out"
exec 3>&1
tee "$holdall_log" <"$holdall_private/out" >&3 &
holdall_tee=$!
exec >"$holdall_private/out" 2>&1

# The processes of a step, or of all steps: they carry a mark in their environment. Where the system
# does not show that, those below the shell of the step.
holdall_processes() { # [STEP]
  if [ -r /proc/self/environ ]; then
    grep -lszF "HOLDALL_STEP=${holdall_private##*/}-${1:+$1.}" /proc/[0-9]*/environ | sed 's|^/proc/||; s|/environ$||' || :
  else
    if [ -n "${1:-}" ]; then set -- "$holdall_private/pids/$1"; else set -- "$holdall_private/pids"/*; fi
    ps -A -o pid= -o ppid= | awk -v roots="$(cat "$@" 2>/dev/null | tr '\n' ' ')" '{ above[$1] = $2 }
      END { n = split(roots, r, " "); for (i = 1; i <= n; i++) root[r[i]]
        for (p in above) for (q = p; q > 1; q = above[q]) if (q in root) { print p; break } }'
  fi
}
holdall_signal() { # SIGNAL [STEP]
  for holdall_pid in $(holdall_processes "${2:-}"); do kill -s "$1" "$holdall_pid" 2>/dev/null || :; done
}
# What a step left running ends with the job.
holdall_clean() {
  trap '' HUP INT TERM
  holdall_signal TERM
  if [ -n "$(holdall_processes)" ]; then sleep 1; holdall_signal KILL; fi
  exec >&3 2>&3 3>&-
  (for _ in 1 2 3; do sleep 1; [ -d "$holdall_private" ] || exit 0; done; kill "$holdall_tee") >/dev/null 2>&1 &
  wait "$holdall_tee" || :
  chmod -R u+rwX "$holdall_private" 2>/dev/null || :
  rm -rf "$holdall_private"
}
trap holdall_clean EXIT
trap 'exit 130' HUP INT TERM

holdall_directory=$(holdall_home "$CIRCLE_WORKING_DIRECTORY")
case $holdall_directory in /*) ;; *) holdall_directory=$HOME/$holdall_directory ;; esac
mkdir -p "$holdall_directory"

# Says whether a step runs after what happened so far, and names it.
holdall_begin() { # WHEN TITLE
  if [ -e "$HOLDALL_HALT" ]; then return 1; fi
  case $1:$holdall_code in on_success:0 | on_fail:[1-9]* | always:*) printf '> %s\n' "$2" ;; *) return 1 ;; esac
}
holdall_end() { # EXIT-CODE
  if [ "$1" = 0 ]; then return 0; fi
  printf 'the step failed with exit code %s\n' "$1"
  holdall_code=1
}
# Stops a step that says nothing for too long.
holdall_watch() { # SECONDS STEP
  : >"$holdall_private/watch-$2"
  (
    holdall_quiet=0
    while sleep 1; [ -e "$holdall_private/watch-$2" ]; do
      if [ -n "$(find "$holdall_log" -newer "$holdall_private/watch-$2")" ]; then
        : >"$holdall_private/watch-$2"
        holdall_quiet=0
        continue
      fi
      holdall_quiet=$((holdall_quiet + 1))
      [ "$holdall_quiet" -ge "$1" ] || continue
      : >"$holdall_private/silent-$2"
      holdall_signal TERM "$2"
      sleep 5
      holdall_signal KILL "$2"
      break
    done
  ) >/dev/null 2>&1 3>&- &
}
# Starts the shell of a step in the place of this one, and notes its process.
holdall_exec() { # STEP FOLDER SHELL [NAME=VALUE...]
  holdall_step=$1 holdall_in=$(holdall_home "$2") holdall_with=$3
  shift 3
  cd "$holdall_directory" && cd "$holdall_in" || exit
  # shellcheck disable=SC2016,SC2086 # the new shell expands it; the shell is a command line
  exec sh -c 'echo "$$" >"$0"; exec env "$@"' "$holdall_private/pids/$holdall_step" \
    "HOLDALL_STEP=${holdall_private##*/}-$holdall_step." "$@" $holdall_with "$holdall_private/step-$holdall_step" 3>&-
}
# Runs a step of the job in a shell of its own; its script comes in.
holdall_run() { # [-w WHEN] [-s SHELL] [-d FOLDER] [-t SECONDS] [-r RERUNS SECONDS] [-b] [--] TITLE [NAME=VALUE...]
  holdall_when=on_success holdall_with=$holdall_shell holdall_in=. holdall_back='' holdall_limit=600
  holdall_again=0 holdall_pause=0
  while :; do
    case $1 in
      -w) holdall_when=$2; shift 2 ;;
      -s) holdall_with=$2; shift 2 ;;
      -d) holdall_in=$2; shift 2 ;;
      -t) holdall_limit=$2; shift 2 ;;
      -r) holdall_again=$2 holdall_pause=$3; shift 3 ;;
      -b) holdall_back=yes; shift ;;
      --) shift; break ;;
      *) break ;;
    esac
  done
  holdall_count=$((holdall_count + 1))
  cat >"$holdall_private/step-$holdall_count"
  holdall_begin "$holdall_when" "$1" || return 0
  shift
  if [ -n "$holdall_back" ]; then
    holdall_exec "$holdall_count" "$holdall_in" "$holdall_with" "$@" </dev/null &
    return 0
  fi
  while :; do
    holdall_watch "$holdall_limit" "$holdall_count"
    holdall_got=0
    (holdall_exec "$holdall_count" "$holdall_in" "$holdall_with" "$@") </dev/null || holdall_got=$?
    rm -f "$holdall_private/watch-$holdall_count"
    if [ -e "$holdall_private/silent-$holdall_count" ]; then
      rm "$holdall_private/silent-$holdall_count"
      printf 'the step said nothing for %s seconds and was stopped\n' "$holdall_limit"
      if [ "$holdall_got" = 0 ]; then holdall_got=1; fi
    fi
    if [ "$holdall_got" = 0 ] || [ "$holdall_again" = 0 ]; then break; fi
    holdall_again=$((holdall_again - 1))
    printf 'the step failed with exit code %s and runs again\n' "$holdall_got"
    sleep "$holdall_pause"
  done
  holdall_end "$holdall_got"
}
# Runs a step of the service in the job's folder.
holdall_do() { # WHEN TITLE COMMAND [WORD...]
  if ! holdall_begin "$1" "$2"; then rm -f "$holdall_private/no-key"; return 0; fi
  shift 2
  # Not behind `||`: there the shell would not stop the functions at their first failure.
  set +e
  (set -e; cd "$holdall_directory"; "$@") </dev/null 3>&-
  holdall_got=$?
  set -e
  rm -f "$holdall_private/no-key"
  holdall_end "$holdall_got"
}
