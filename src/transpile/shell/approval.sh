# Waits for a person, if there is one.
holdall_approval() { # JOB NAME REQUIRED:STATUS,...
  holdall_name=$1 holdall_title=$2
  shift 2
  holdall_ready "$holdall_name" "$@" || return 0
  holdall_end=on_hold
  case "
$holdall_approved" in *"
$holdall_title
"*) holdall_end=success ;; esac
  if [ -n "$holdall_all" ]; then holdall_end=success; fi
  if [ "$holdall_end" = on_hold ] && [ -t 0 ]; then
    printf '== %s: approve? [y/N] ' "$holdall_title"
    IFS= read -r holdall_answer || holdall_answer=''
    case $holdall_answer in [yY]*) holdall_end=success ;; esac
  fi
  printf '== %s is %s\n' "$holdall_title" "$(if [ "$holdall_end" = success ]; then echo approved; else echo 'on hold: --approve lets it pass'; fi)"
  holdall_ended "$holdall_name" "$holdall_end"
}
