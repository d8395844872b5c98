#!/bin/sh
# What scripts call as circleci: `tests glob`, `tests split`, `tests run`, `env subst`, `step halt`.
# Splits by name or by size; timings are not kept, so a split by them is one by name.
set -eu
die() { echo "circleci: $*" >&2; exit 1; }
# Prints the lines of this node: every total-th one, from index.
share() { awk -v i="${index:-0}" -v n="${total:-1}" '(NR - 1) % n == i'; }
split() {
  index=${CIRCLE_NODE_INDEX:-0} total=${CIRCLE_NODE_TOTAL:-1} by=name files=
  for word do case $word in
    --split-by=*) by=${word#*=} ;; --index=*) index=${word#*=} ;; --total=*) total=${word#*=} ;;
    --*) ;; *) [ -f "$word" ] && files=$word ;; esac; done
  list=$(if [ -n "$files" ]; then cat "$files"; else cat; fi | tr ' ' '\n' | sed '/^$/d' | sort -u)
  [ "$by" != filesize ] || list=$(printf '%s\n' "$list" | while IFS= read -r f; do
    printf '%s\t%s\n' "$(wc -c <"$f" 2>/dev/null || echo 0)" "$f"; done | sort -rn | cut -f2-)
  printf '%s\n' "$list" | sed '/^$/d' | share
}
glob() { bash -c 'shopt -s globstar nullglob extglob; for pattern do printf "%s\n" $pattern; done' glob "$@"; }
run() {
  command=
  for word do case $word in --command=*) command=${word#*=} ;; esac; done
  [ -n "$command" ] || die 'tests run needs --command="…"'
  split | bash -eo pipefail -c "$command"
}
case "${1:-} ${2:-}" in
  'tests glob') shift 2; glob "$@" ;;
  'tests split') shift 2; split "$@" ;;
  'tests run') shift 2; run "$@" ;;
  'step halt') @HALT@ ;;
  'env subst') shift 2; if [ $# -gt 0 ]; then printf '%s\n' "$*"; else cat; fi |
    awk '{ while (match($0, /\$\{?[A-Za-z_][A-Za-z0-9_]*\}?/)) { name = substr($0, RSTART, RLENGTH); gsub(/[${}]/, "", name)
      printf "%s%s", substr($0, 1, RSTART - 1), ENVIRON[name]; $0 = substr($0, RSTART + RLENGTH) } print }' ;;
  *) die "\`circleci $*\` is not to be had outside CircleCI" ;;
esac
