# Applies layers that the steps before fetched; COUNT says how many a job surely made.
holdall_attach() { # FOLDER JOB=COUNT:BEFORE,...
  hl_at=$1
  shift
  HOLDALL_STORE=/tmp/holdall-store
  mkdir -p "$HOLDALL_STORE"
  for hl_word do
    shift
    hl_job=${hl_word%%=*} hl_rest=${hl_word#*=} hl_found=0
    for hl_tar in /tmp/holdall-layers/*/"$hl_job@"*.tar; do
      if [ -f "$hl_tar" ]; then
        hl_take "$HOLDALL_STORE" "$hl_tar"
        rm -f "$hl_tar"
        hl_found=$((hl_found + 1))
      fi
    done
    [ "$hl_found" -ge "${hl_rest%%:*}" ] ||
      hl_die "$hl_job should have made ${hl_rest%%:*} layers and the cache has $hl_found: it keeps them for 15 days at most"
    set -- "$@" "$hl_job:${hl_rest#*:}"
  done
  hl_attach "$HOLDALL_STORE" "$hl_at" "$@"
}
