# One component of Go's filepath.Match (ENVIRON HL_P) against the names in ARGV; exit 3 if malformed.
hl_glob="$hl_esc"'
function width(s, i, c) { c = substr(s, i, 1); return (c < "\300") ? 1 : (c < "\340") ? 2 : (c < "\360") ? 3 : 4 }
function bad() { exit 3 }
function char(p, i, c) { c = substr(p, i, 1); if (c == "" || c == "-" || c == "]") bad()
  if (c == "\\" && substr(p, ++i, 1) == "") bad()
  C = substr(p, i, width(p, i)); return i + length(C) }
function parse(p, i, c, r) { for (i = 1; i <= length(p); ) { c = substr(p, i, 1); T[++K] = c
  if (c == "[") { if (substr(p, ++i, 1) == "^") { N[K] = 1; i++ }
    for (r = 0; !r || substr(p, i, 1) != "]"; r++) { i = char(p, i); A[K, r] = B[K, r] = C
      if (substr(p, i, 1) == "-") { i = char(p, i + 1); B[K, r] = C } }
    Z[K] = r; i++ }
  else if (c == "*" || c == "?") i++
  else { if (c == "\\" && substr(p, ++i, 1) == "") bad(); T[K] = "="; L[K] = substr(p, i, width(p, i)); i += length(L[K]) } } }
function one(k, s, i, c, r, hit) { if (T[k] == "=") return substr(s, i, length(L[k])) == L[k] ? length(L[k]) : 0
  c = substr(s, i, width(s, i)); if (T[k] == "?") return length(c)
  for (r = 0; r < Z[k]; r++) if (A[k, r] <= c && c <= B[k, r]) hit = 1
  return hit + N[k] == 1 ? length(c) : 0 }
function hits(s, i, k, w, si, sk) { i = k = 1
  while (i <= length(s) || k <= K) {
    if (k <= K && T[k] == "*") { sk = k++; si = i; continue }
    if (k <= K && i <= length(s) && (w = one(k, s, i))) { i += w; k++; continue }
    if (!sk || si > length(s)) return 0
    i = ++si; k = sk + 1 }
  return 1 }
BEGIN { parse(ENVIRON["HL_P"]); for (a = 1; a < ARGC; a++) { s = ARGV[a]; sub(/^.*\//, "", s)
  if (hits(s)) print ENVIRON["HL_E"] "/" esc(s) } exit }'
# Prints what a component selects in a folder; both as lines.
hl_pick() { hl_raw "$1"; HL_E=$1 HL_P=$2 LC_ALL=C find "$hl_p/." ! -name . -prune -exec awk "$hl_glob" {} +; }
# Prints what an item selects below the current folder.
hl_expand() { # ITEM
  case $1 in '') hl_die 'a path is empty; write . for the whole root' ;; /*) hl_die "the path \`$1\` is absolute" ;; esac
  hl_out='' hl_rest=$1/
  while [ -n "$hl_rest" ]; do
    hl_c=${hl_rest%%/*} hl_rest=${hl_rest#*/}
    case $hl_c in '' | .) ;; ..) [ -n "$hl_out" ] || hl_die "the path \`$1\` climbs out of the root"; hl_out=${hl_out%/*} ;;
      *) HL_P=$hl_c LC_ALL=C awk "$hl_glob" || hl_die "syntax error in pattern \`$1\`"; hl_out=$hl_out/$hl_c ;; esac
  done
  hl_rest=${hl_out#/}${hl_out:+/}; echo . >"$hl_tmp/now"
  while [ -n "$hl_rest" ]; do
    hl_c=${hl_rest%%/*} hl_rest=${hl_rest#*/}
    while IFS= read -r hl_e; do hl_raw "$hl_e"
      if [ ! -d "$hl_p" ] || [ -L "$hl_p" ]; then continue; fi
      case $hl_c in *[*?[\\]*) hl_pick "$hl_e" "$hl_c" || hl_die "cannot read $hl_p" ;;
        *) if [ -e "$hl_p/$hl_c" ] || [ -L "$hl_p/$hl_c" ]; then HL_P=$hl_c HL_E=$hl_e LC_ALL=C awk "$hl_esc"'
          BEGIN { p = ENVIRON["HL_P"]; print ENVIRON["HL_E"] "/" esc(p) }'; fi ;; esac
    done <"$hl_tmp/now" >"$hl_tmp/next"; mv "$hl_tmp/next" "$hl_tmp/now"
  done; cat "$hl_tmp/now"
}
hl_json() { HL=$1 awk 'BEGIN { s = ENVIRON["HL"]; for (i = 1; i <= length(s); i++) { c = substr(s, i, 1)
  printf "%s", ((c == "\"" || c == "\\") ? "\\" c : (c == "\n") ? "\\n" : (c == "\t") ? "\\t" : c) } }'; }
# Moves a file to its digest and says digest and size, as a descriptor has them.
hl_blob() { hl_d=$(hl_sum "$1") hl_s=$(hl_size "$1"); [ ${#hl_d} = 64 ] && mv -f "$1" "$hl_ws/blobs/sha256/$hl_d" ||
  hl_die "the store $hl_ws cannot be written"; }
hl_persist() ( # STORE JOB ROOT PATH...
  set -eu; hl_open "$1"; job=${2:-${CIRCLE_JOB:-}}; root=$(hl_home "$3"); shift 3
  [ -n "$job" ] || hl_die 'a layer needs the name of its job'
  case $root in /*) ;; *) root=$(pwd)/$root ;; esac
  cd "$root" 2>/dev/null || hl_die "Error locating workspace root directory: stat $root: no such file or directory"
  refs=$hl_ws/refs/$(hl_name "$job"); mkdir -p "$refs"
  hl_tmp=$(mktemp -d "$hl_ws/tmp/sh.XXXXXX"); trap 'rm -rf "$hl_tmp"' EXIT; trap 'exit 130' HUP INT TERM
  for item do hl_expand "$item" >"$hl_tmp/item" || exit
    [ -s "$hl_tmp/item" ] || printf 'holdall: warning: %s matches nothing in %s\n' "$item" "$root" >&2
    cat "$hl_tmp/item" >>"$hl_tmp/all"; done
  [ -s "$hl_tmp/all" ] || hl_die "The specified paths did not match any files in $root"
  # The root itself means what is in it; and the store is never part of a layer.
  at=. here=$(pwd -P); case $hl_ws in "${here%/}"/*) rest=${hl_ws%/*}/ rest=${rest#"${here%/}"/} ;; *) rest='' ;; esac
  while :; do
    if grep -qxF -e "$at" "$hl_tmp/all"; then grep -vxF -e "$at" "$hl_tmp/all" >"$hl_tmp/now" || :
      if [ -n "$rest" ] || [ "$at" = . ]; then hl_pick "$at" '*' >>"$hl_tmp/now"; fi; mv "$hl_tmp/now" "$hl_tmp/all"; fi
    [ -n "$rest" ] || break; at=$at/${rest%%/*} rest=${rest#*/}
  done
  if [ "$at" = . ]; then at=/; fi
  HL=$at LC_ALL=C awk '{ l[$0] } END { for (e in l) { p = e; while (match(p, "/[^/]*$")) { p = substr(p, 1, RSTART - 1); if (p in l) break }
    if (p == "." && index(e "/", ENVIRON["HL"] "/") != 1) print e } }' "$hl_tmp/all" | LC_ALL=C sort >"$hl_tmp/list"
  set --; while IFS= read -r e; do hl_raw "$e"; set -- "$@" "$hl_p"; done <"$hl_tmp/list"
  : >"$hl_tmp/lines"; own=''
  if [ $# -gt 0 ]; then
    bad=$(find "$@" ! -type f ! -type d ! -type l); [ -z "$bad" ] || hl_die "a layer cannot hold these sockets, devices or FIFOs: $bad"
    hl_tree "$hl_tmp/lines" "$@" || hl_die 'the files cannot be read'
    case $(tar --version 2>/dev/null) in *GNU*) own='--format=gnu --no-unquote --owner=0 --group=0 --numeric-owner' ;; esac
    # Names go without ./ but for those that a tar would take for an option.
    n=$#; for f do case $f in ./-* | ./@*) ;; *) f=${f#./} ;; esac; set -- "$@" "$f"; done; shift "$n"
    COPYFILE_DISABLE=1 tar -cf "$hl_tmp/tar" $own "$@" || hl_die 'tar failed: a file cannot be read, or changed while it was'
  else dd if=/dev/zero of="$hl_tmp/tar" bs=1024 count=1 2>/dev/null; fi
  size=$(hl_size "$hl_tmp/tar") z=${HOLDALL_COMPRESSION:-gzip} type=application/vnd.holdall.workspace
  case $z in none) cat "$hl_tmp/tar" ;; gzip) gzip -c <"$hl_tmp/tar" ;; zstd) zstd -qc <"$hl_tmp/tar" ;;
    *) hl_die "no compression is called $z" ;; esac >"$hl_tmp/blob" || hl_die "$z failed"
  rm "$hl_tmp/tar"
  hl_blob "$hl_tmp/blob"; layer=$hl_d bytes=$hl_s suffix=+$z
  [ "$z" != none ] || suffix=''
  name=${HOLDALL_ATTEMPT:-1}.${CIRCLE_NODE_INDEX:-0} seq=0
  while :; do
    if [ -e "$refs/$name.$seq" ]; then seq=$((seq + 1)); continue; fi
    printf '{"schema":1,"workspace":"%s","job":"%s","attempt":%s,"node":%s,"nodes":%s,"seq":%s,"created":"%s","compression":"%s","uncompressedSize":%s,"producer":"holdall-layer.sh"}' \
      "$(hl_json "$hl_id")" "$(hl_json "$job")" "${name%.*}" "${name#*.}" "${CIRCLE_NODE_TOTAL:-1}" "$seq" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$z" "$size" >"$hl_tmp/doc" || hl_die "the store $hl_ws is full"
    hl_blob "$hl_tmp/doc"
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"%s.v1","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar%s","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.title":"%s.tar"}}]}' \
      "$type" "$type" "$hl_d" "$hl_s" "$type" "$suffix" "$layer" "$bytes" "${refs##*/}.$name.$seq" >"$hl_tmp/doc" || hl_die "the store $hl_ws is full"
    hl_blob "$hl_tmp/doc"
    printf '1 sha256:%s %s sha256:%s %s %s\n' "$hl_d" "$hl_s" "$layer" "$bytes" "$z" >"$hl_tmp/ref" || hl_die "the store $hl_ws is full"
    # Exclusive either way: who loses the race takes the next number.
    if ln "$hl_tmp/ref" "$refs/$name.$seq" 2>/dev/null || (set -C; cat "$hl_tmp/ref" >"$refs/$name.$seq") 2>/dev/null; then break; fi
    [ -e "$refs/$name.$seq" ] || hl_die "the store $hl_ws cannot be written"
  done
  [ -e "$hl_ws/oci-layout" ] || printf '{"imageLayoutVersion":"1.0.0"}' >"$hl_ws/oci-layout"
  printf 'layer %s/%s sha256:%s %s bytes\ntree sha256:%s\n' "$job" "$name.$seq" "$layer" "$bytes" "$(hl_sum "$hl_tmp/lines")"
)
