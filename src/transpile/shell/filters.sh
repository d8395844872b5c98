# Names are literal behind =, and patterns over the whole name behind ~.
holdall_any() { # NAME PATTERN...
  holdall_ref=$1
  shift
  for holdall_pattern do
    case $holdall_pattern in
      "=$holdall_ref") return 0 ;;
      '~'*) if holdall_matches "$holdall_ref" "${holdall_pattern#?}"; then return 0; fi ;;
    esac
  done
  return 1
}
holdall_filter() { # only|ignore NAME PATTERN...
  holdall_way=$1
  shift
  if holdall_any "$@"; then holdall_hit=only; else holdall_hit=ignore; fi
  if [ "$holdall_way" = "$holdall_hit" ]; then holdall_admitted=yes; else holdall_admitted=no; fi
}
