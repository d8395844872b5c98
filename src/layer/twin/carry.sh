# Layers travel as one tar each: what a store has gained since it was listed. The union of two
# stores is a store, and of two machines.
hl_list() ( cd "$(hl_home "$1")" 2>/dev/null && find ./*/blobs ./*/refs ./*/oci-layout -type f 2>/dev/null | LC_ALL=C sort || : )
hl_pack() ( # STORE LIST TAR
  set -eu; store=$(hl_home "$1") list=$2 to=$3; case $to in /*) ;; *) to=$(pwd)/$to ;; esac
  hl_list "$store" | awk 'FILENAME == ARGV[1] { l[$0]; next } !($0 in l)' "$list" - >"$to.new"; set --
  while IFS= read -r f; do set -- "$@" "$f"; done <"$to.new"; rm -f "$to.new"
  [ $# != 0 ] || hl_die "the store $store has gained no layer"
  (cd "$store" && COPYFILE_DISABLE=1 tar -cf "$to" "$@") || hl_die "$to cannot be written"
)
hl_take() ( # STORE TAR...
  set -eu; store=$(hl_home "$1"); shift; mkdir -p "$store" || hl_die "the store $store cannot be written"
  for f do case $f in /*) ;; *) f=$(pwd)/$f ;; esac
    [ -f "$f" ] || hl_die "the layer $f is missing"
    names=$(tar -tf "$f") || hl_die "$f is damaged: it is no tar"
    # What a store holds has such names, and no others.
    if printf '%s\n' "$names" | LC_ALL=C grep -Eq '^/|(^|/)\.\.(/|$)|[^A-Za-z0-9._%/-]'; then
      hl_die "$f is refused: it holds more than layers"; fi
    if LC_ALL=C tar -tvf "$f" | grep -q '^[^d-]'; then hl_die "$f is refused: it holds links or devices"; fi
    (cd "$store" && tar -xof "$f") || hl_die "$f is damaged: it does not unpack"
  done
)
