# Reads the variables of a context: lines NAME=VALUE, taken as they are.
holdall_context() { # NAME FILE
  if [ ! -f "$HOLDALL_CONTEXTS/$2.env" ]; then
    printf 'the variables of the context %s are not in %s: what is exported counts\n' "$1" "$HOLDALL_CONTEXTS/$2.env" >&2
    return 0
  fi
  while IFS= read -r holdall_line || [ -n "$holdall_line" ]; do
    case $holdall_line in '' | '#'*) continue ;; esac
    case ${holdall_line%%=*} in
      '' | [0-9]* | *[!A-Za-z0-9_]* | "$holdall_line")
        printf '%s: this line is no NAME=VALUE: %s\n' "$HOLDALL_CONTEXTS/$2.env" "${holdall_line%%=*}" >&2
        exit 2 ;;
    esac
    # shellcheck disable=SC2163 # the variable that the line names
    export "$holdall_line"
  done <"$HOLDALL_CONTEXTS/$2.env"
}
