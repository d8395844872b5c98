#!/usr/bin/env bash
# The check of the GitHub Action: annotations on stdout, SARIF in a file, a table in the job's
# summary, counts as outputs. A check takes milliseconds, so each form is asked for by itself.
set -euo pipefail
# Since bash 5.2 an `&` in a replacement stands for what was found.
shopt -u patsub_replacement 2>/dev/null || true

# What a summary may hold is limited; SARIF has all of them.
most=200

asked=()
[ -z "${HOLDALL_LEVEL:-}" ] || asked+=("--level=$HOLDALL_LEVEL")
paths=()
while IFS= read -r line; do
  line=${line%$'\r'}
  [ -z "${line//[[:space:]]/}" ] || paths+=("$line")
done <<<"${HOLDALL_PATHS:-}"

lint() {
  "$HOLDALL" lint --color never ${asked[@]+"${asked[@]}"} "$@" -- ${paths[@]+"${paths[@]}"}
}

# Exit status 1 is for findings here: the last check decides about them.
quietly() {
  local status=0
  lint --fail-on never "$@" || status=$?
  return "$status"
}

# The table is Markdown, and what a config says must not become more of it.
cell() {
  local text=$1
  text=${text//&/&amp;}
  text=${text//</&lt;}
  text=${text//>/&gt;}
  text=${text//|/&#124;}
  text=${text//\`/&#96;}
  text=${text//\*/&#42;}
  text=${text//_/&#95;}
  text=${text//[/&#91;}
  text=${text//@/&#64;}
  printf '%s' "${text//\\/&#92;}"
}

sarif=${HOLDALL_SARIF:-holdall.sarif}
mkdir -p -- "$(dirname -- "$sarif")"
quietly --format sarif >"$sarif"
lines=$(quietly --format concise)

findings=0 errors=0 table=
pattern='^(.*): (error|warning|info)\[([a-z0-9-]+)\] (.*)$'
while IFS= read -r line; do
  [[ $line =~ $pattern ]] || continue
  place=${BASH_REMATCH[1]} severity=${BASH_REMATCH[2]} rule=${BASH_REMATCH[3]} said=${BASH_REMATCH[4]}
  findings=$((findings + 1))
  [ "$severity" != error ] || errors=$((errors + 1))
  [ "$findings" -gt "$most" ] || table+="| $severity | $(cell "$place") | $rule | $(cell "$said") |"$'\n'
done <<<"$lines"

{
  printf '### holdall\n\n'
  if [ "$findings" -eq 0 ]; then
    printf 'Nothing to say.\n'
  else
    printf '%s\n' "| | where | rule | what |" '|---|---|---|---|'
    printf '%s' "$table"
    [ "$findings" -le "$most" ] || printf '\nand %s more.\n' "$((findings - most))"
  fi
} >>"$GITHUB_STEP_SUMMARY"

{
  printf 'findings=%s\n' "$findings"
  printf 'errors=%s\n' "$errors"
  # A value of several lines could pass for other outputs.
  printf 'sarif=%s\n' "${sarif//[$'\r\n']/ }"
} >>"$GITHUB_OUTPUT"

[ -z "${HOLDALL_FAIL_ON:-}" ] || asked+=("--fail-on=$HOLDALL_FAIL_ON")
lint --format github
