holdall_here=$(cd "$(dirname "$0")" && pwd)
# Runs all nodes of a job, the first one last.
holdall_job() { # JOB NODES REQUIRED:STATUS,...
  holdall_name=$1 holdall_node=$2
  shift 2
  holdall_ready "$holdall_name" "$@" || return 0
  holdall_end=success HOLDALL_NODES_FAILED=''
  export HOLDALL_NODES_FAILED
  while [ "$holdall_node" -gt 0 ]; do
    holdall_node=$((holdall_node - 1))
    printf '== %s, node %s\n' "$holdall_name" "$holdall_node"
    holdall_got=0
    HOLDALL_NODE=$holdall_node sh "$holdall_here/jobs/$holdall_name.sh" </dev/null || holdall_got=$?
    case $holdall_got in
      0) ;;
      130 | 143) holdall_end=canceled HOLDALL_NODES_FAILED=yes ;;
      *) if [ "$holdall_end" = success ]; then holdall_end=failed; fi; HOLDALL_NODES_FAILED=yes ;;
    esac
  done
  holdall_ended "$holdall_name" "$holdall_end"
}
