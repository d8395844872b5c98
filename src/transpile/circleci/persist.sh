# Adds a layer, and lays it where the next step caches it.
holdall_persist() { # FOLDER ROOT PATH...
  hl_folder=$1 hl_own=$(hl_name "$CIRCLE_JOB")@${CIRCLE_NODE_INDEX:-0}
  shift
  HOLDALL_STORE=/tmp/holdall-store
  mkdir -p "$hl_folder" "$HOLDALL_STORE"
  # What an earlier job left on a machine that is used again is no layer of this one.
  if [ "$(cat /tmp/holdall-layers/job 2>/dev/null)" != "$CIRCLE_WORKFLOW_JOB_ID" ]; then
    rm -f /tmp/holdall-layers/*/"$hl_own".*.tar
    printf '%s\n' "$CIRCLE_WORKFLOW_JOB_ID" >/tmp/holdall-layers/job
  fi
  hl_list "$HOLDALL_STORE" >/tmp/holdall-layers/list
  hl_persist "$HOLDALL_STORE" "$CIRCLE_JOB" "$@"
  hl_count=0
  while [ -e "$hl_folder/$hl_own.$hl_count.tar" ]; do hl_count=$((hl_count + 1)); done
  hl_pack "$HOLDALL_STORE" /tmp/holdall-layers/list "$hl_folder/$hl_own.$hl_count.tar"
}
