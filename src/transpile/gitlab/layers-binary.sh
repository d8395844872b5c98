# The binary does what has to do with layers: it has to be on the runner.
holdall_binary() {
  command -v holdall >/dev/null || { printf 'the program holdall is missing: install it on the runner, or write this file without --runtime binary\n' >&2; return 1; }
}
# Adds a layer, and lays it where GitLab collects it, one tar a layer.
holdall_persist() { # JOB ORDINAL ROOT PATH...
  holdall_binary
  holdall_tar=$holdall_layers/$1@$CIRCLE_NODE_INDEX.$2.tar holdall_ordinal=$2 holdall_root=$(holdall_home "$3")
  shift 3
  mkdir -p "$holdall_layers"
  holdall persist --store "$holdall_private/layer-$holdall_ordinal" --job "$CIRCLE_JOB" --seq "$holdall_ordinal" --root "$holdall_root" -- "$@"
  tar -cf "$holdall_tar" -C "$holdall_private/layer-$holdall_ordinal" .
}
# Applies layers in their order; COUNT says how many a job surely made.
holdall_attach() { # FOLDER JOB=COUNT... -- OPTION...
  holdall_binary
  holdall_at=$(holdall_home "$1") holdall_any=''
  shift
  mkdir -p "$HOLDALL_STORE"
  while [ "$1" != -- ]; do
    holdall_job=${1%=*} holdall_found=0
    for holdall_tar in "$holdall_layers/$holdall_job@"*.tar; do
      if [ -f "$holdall_tar" ]; then
        tar -xof "$holdall_tar" -C "$HOLDALL_STORE"
        holdall_found=$((holdall_found + 1)) holdall_any=yes
      fi
    done
    if [ "$holdall_found" -lt "${1##*=}" ]; then
      printf '%s should have made %s layers and GitLab carried %s: have its artifacts expired?\n' "$holdall_job" "${1##*=}" "$holdall_found" >&2
      return 1
    fi
    shift
  done
  shift
  if [ -z "$holdall_any" ]; then printf 'no layers are upstream\n'; mkdir -p "$holdall_at"; return 0; fi
  holdall attach --at "$holdall_at" "$@"
}
