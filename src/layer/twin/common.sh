# holdall workspace layers in POSIX sh: tar, gzip, sha256sum or shasum (zstd if a layer needs it).
# For layers of one trust domain; the holdall binary checks more. Format: docs/layer-format.md
hl_die() { printf 'holdall: %s\n' "$*" >&2; exit 1; }
hl_hash() { if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi; }
hl_sum() { set -- "$(hl_hash <"$1")" && printf '%s' "${1%% *}"; }
hl_size() { set -- $(wc -c <"$1") && printf '%s' "$1"; }
hl_home() { case $1 in '~') printf '%s' "$HOME" ;; '~/'*) printf '%s' "$HOME/${1#??}" ;; *) printf '%s' "$1" ;; esac; }
# The name of a job's or workspace's folder: percent-encoded outside [A-Za-z0-9._-].
hl_name() { HL=$1 LC_ALL=C awk 'BEGIN { s = ENVIRON["HL"]; for (i = 1; i < 256; i++) o[sprintf("%c", i)] = i
  for (i = 1; i <= length(s); i++) { c = substr(s, i, 1)
    if (c ~ /[A-Za-z0-9_-]/ || (c == "." && i > 1)) printf "%s", c; else printf "%%%02X", o[c] } }'; }
# Paths travel one a line: backslash, tab and newline as \\, \t and \n, which printf %b undoes.
hl_esc='function esc(s, i, c, r) { for (i = 1; i <= length(s); i++) { c = substr(s, i, 1)
  r = r (c == "\\" ? "\\\\" : c == "\t" ? "\\t" : c == "\n" ? "\\n" : c) } return r }'
hl_raw() { case $1 in *\\*) hl_p=$(printf '%b.' "$1"); hl_p=${hl_p%.} ;; *) hl_p=$1 ;; esac; }
# Finds the workspace; a workspace without a layer of the last 15 days has expired.
hl_open() {
  hl_ws=$(hl_home "${HOLDALL_STORE:-$1}")
  hl_id=${HOLDALL_WORKSPACE:-${CIRCLE_WORKFLOW_WORKSPACE_ID:-default}}
  hl_ws=${hl_ws#file://}/$(hl_name "$hl_id")
  mkdir -p "$hl_ws/blobs/sha256" "$hl_ws/refs" "$hl_ws/tmp" || hl_die "the store ${hl_ws%/*} cannot be written"
  hl_ws=$(cd "$hl_ws" && pwd -P)
  if [ -n "$(find "$hl_ws/refs" -type f)" ] && [ -z "$(find "$hl_ws/refs" -type f -mtime -15)" ]; then
    hl_die "the workspace $hl_id expired: its newest layer, kept 15 days, is $(ls -lt "$hl_ws"/refs/*/* | sed 1q); now it is $(date)"
  fi
}
# Writes the lines of the tree digest to FILE, for these paths (./…) and all below them.
hl_tree() ( # FILE PATH...
  file=$1; shift; export LC_ALL=C HL_ESC="$hl_esc"
  odd="*[\\\\$(printf '\t\r')
]*"
  if command -v sha256sum >/dev/null 2>&1; then sum=sha256sum bits=; else sum=shasum bits='-a 256'; fi
  if stat -c %a . >/dev/null 2>&1; then opt=-c fmt='%a %n'; else opt=-f fmt='%Lp %N'; fi
  # Links, and names that the tools print in different ways, are taken one by one.
  one='sum=$1 opt=$2 fmt=${3%% *}; shift 3; for f do m=777 t=l
    if [ -L "$f" ]; then v=$(readlink -n "$f" && echo .) || exit; v=${v%.}
    elif m=$(stat "$opt" "$fmt" "$f") && [ -d "$f" ]; then t=d v=-
    else t=f; v=$($sum <"$f") || exit; v=${v%% *}; fi
    F=$f T=$t M=$m V=$v awk "$HL_ESC BEGIN { OFS = \"\t\"; e = ENVIRON[\"F\"]; v = ENVIRON[\"V\"]
      print \"e\", esc(e), ENVIRON[\"T\"], sprintf(\"%03d\", ENVIRON[\"M\"] % 1000), esc(v) }" || exit; done'
  { find "$@" -type f ! -path "$odd" -exec $sum $bits {} + | sed 's/^/h /'
    find "$@" -type f ! -path "$odd" -exec stat $opt "f $fmt" {} +
    find "$@" -type d ! -path "$odd" -exec stat $opt "d $fmt" {} +
    find "$@" \( -type l -o -path "$odd" \) -exec sh -c "$one" sh "$sum $bits" $opt "$fmt" {} + && echo end; } |
  awk -F '\t' 'BEGIN { OFS = FS }
    function put(p, t, m, v) { if (p != ".") { sub(/^\.\//, "", p); line[p] = t OFS m OFS v } }
    /^h / { hash[substr($0, 69)] = substr($0, 3, 64); next }
    /^[fd] / { split($0, w, " "); p = substr($0, length(w[2]) + 4)
      if (w[1] == "f" && !(p in hash)) bad = 1
      put(p, w[1], sprintf("%03d", w[2] % 1000), w[1] == "f" ? hash[p] : "-"); next }
    $1 == "e" { put($2, $3, $4, $5) }
    $0 == "end" { whole = 1 }
    END { if (bad || !whole) exit 1
      for (p in line) { print p, line[p]
        while (match(p, "/[^/]*$")) { p = substr(p, 1, RSTART - 1)
          if (!(p in line) && !seen[p]++) print p, "d", "755", "-" } } }' >"$file.all" &&
  sort "$file.all" >"$file"
)
