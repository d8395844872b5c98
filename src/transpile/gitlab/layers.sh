# Adds a layer, and lays it where GitLab collects it, one tar a layer.
holdall_persist() { # JOB ORDINAL ROOT PATH...
  mkdir -p "$holdall_layers"
  holdall_tar=$holdall_layers/$1@$CIRCLE_NODE_INDEX.$2.tar
  shift 2
  hl_list "$HOLDALL_STORE" >"$holdall_private/before"
  hl_persist "$HOLDALL_STORE" "$CIRCLE_JOB" "$@"
  hl_pack "$HOLDALL_STORE" "$holdall_private/before" "$holdall_tar"
}
# Applies layers in their order; COUNT says how many a job surely made.
holdall_attach() { # FOLDER JOB=COUNT:BEFORE,...
  holdall_at=$1
  shift
  for holdall_word do
    shift
    holdall_job=${holdall_word%%=*} holdall_rest=${holdall_word#*=} holdall_found=0
    for holdall_tar in "$holdall_layers/$holdall_job@"*.tar; do
      if [ -f "$holdall_tar" ]; then
        hl_take "$HOLDALL_STORE" "$holdall_tar"
        holdall_found=$((holdall_found + 1))
      fi
    done
    [ "$holdall_found" -ge "${holdall_rest%%:*}" ] ||
      hl_die "$holdall_job should have made ${holdall_rest%%:*} layers and GitLab carried $holdall_found: have its artifacts expired?"
    set -- "$@" "$holdall_job:${holdall_rest#*:}"
  done
  hl_attach "$HOLDALL_STORE" "$holdall_at" "$@"
}
