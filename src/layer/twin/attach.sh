# Checks that a blob is there and is what its ref or manifest says.
hl_check() { # HEX SIZE
  case $1 in *[!0-9a-f]* | '') hl_die "$hl_l is damaged: it names no digest" ;; esac
  [ -f "$hl_ws/blobs/sha256/$1" ] || hl_die "$hl_l is damaged: the blob $1 is missing"
  [ "$(hl_size "$hl_ws/blobs/sha256/$1")" = "$2" ] && [ "$(hl_sum "$hl_ws/blobs/sha256/$1")" = "$1" ] ||
    hl_die "$hl_l is damaged: the blob $1 does not have its digest and size"
}
# Unpacks a layer into an empty folder of its own, and writes its tree lines beside it; `i` is a
# folder that no entry names: tar makes it with a mode that is rare, and does not list it.
hl_unpack() { # N JOB-NAME ATTEMPT.NODE.SEQ
  hl_l="layer $2/$3"; read -r v md ms ld ls z more <"$hl_ws/refs/$2/$3"
  [ "$v$more" = 1 ] || hl_die "$hl_l is damaged: its ref does not read"
  md=${md#sha256:} ld=${ld#sha256:} m=$hl_ws/blobs/sha256/$md; hl_check "$md" "$ms"; hl_check "$ld" "$ls"
  grep -qF "\"digest\":\"sha256:$ld\"" "$m" || hl_die "$hl_l is damaged: its manifest names another archive"
  set -- "$@" $(sed 's/.*"config":{\([^}]*\)}.*/\1/; s/.*"digest":"sha256:\([0-9a-f]*\)","size":\([0-9]*\).*/\1 \2/' "$m")
  hl_check "$4" "${5:-0}"; d=$1; b=$hl_ws/blobs/sha256/$ld
  case $z in none) cat "$b" ;; gzip) gzip -dc <"$b" ;;
    zstd) command -v zstd >/dev/null 2>&1 || hl_die "$hl_l needs zstd, which is not here: persist it with gzip"; zstd -dqc <"$b" ;;
    *) false ;; esac >"$d.tar" && tar -tf "$d.tar" >"$d.names" || hl_die "$hl_l is damaged: its archive does not unpack"
  if LC_ALL=C grep -Eq '^/|(^|/)\.\.(/|$)' "$d.names"; then hl_die "$hl_l is refused: it holds an absolute name or one with .."; fi
  umask=0036 mark=741
  # Without root busybox takes modes less the umask.
  case "$(id -u) $(tar --version 2>&1)" in '0 '*) ;; *busybox*) umask=0 mark=777 ;; esac
  mkdir "$d" && (umask "$umask" && cd "$d" && tar -xpof "../$d.tar") || hl_die "$hl_l is refused: tar cannot unpack it"
  rm "$d.tar"
  bad=$(find "$d" ! -type f ! -type d ! -type l; ls -d "$d/$hl_mark" 2>/dev/null || :)
  [ -z "$bad" ] || hl_die "$hl_l is refused: it holds what no layer may hold: $bad"
  find "$d" ! -type l \( -perm -4000 -o -perm -2000 -o -perm -1000 \) -exec chmod ug-s,-t {} +
  (cd "$d" && hl_tree "../$d.lines" .) && LC_ALL=C awk -F '\t' -v keep="${HOLDALL_LINKS:-}" -v mark="$mark" -v OFS='\t' '
    FILENAME ~ /names$/ { sub(/^\.\//, ""); named[$0]; next }
    $2 == "d" && $3 == mark && !(($1 "/") in named) { $2 = "i"; $3 = "755" }
    $2 == "l" && keep != "keep" { out = $4 ~ /^\//; n = split($1, p, "/") - 1; k = split($4, t, "/")
      for (i = 1; i <= k; i++) { if (t[i] == "..") n--; else if (t[i] != "." && t[i] != "") n++; if (n < 0) out = 1 }
      if (out) { print "holdall: " $1 " links to " $4 >"/dev/stderr"; bad = 1 } }
    { print } END { exit bad }' "$d.names" "$d.lines" >"$d.plan" ||
    hl_die "$hl_l is refused: a link leads out of it (HOLDALL_LINKS=keep takes such links as they are)"
  # A folder that its owner may not change could be neither merged nor removed; modes come last.
  while IFS="$hl_tab" read -r p t m; do if [ "$t" = i ]; then hl_raw "$p"; chmod 755 "$d/$hl_p"; fi; done <"$d.plan"
  find "$d" -type d ! -perm -700 -exec chmod u+rwx {} +
}
# Compares all plans: later layers win where they are ordered, and nowhere else. Writes the tree.
hl_compare() { awk -F '\t' '
  FILENAME == "order" { n = split($2, a, ","); for (i = 1; i <= n; i++) { before[$1, a[i]] = 1
      for (j in known) if (before[a[i], j]) before[$1, j] = 1 }; known[$1]; next }
  FILENAME == "layers" { job[$1] = $2; split($3, r, "."); node[$1] = r[2]; next }
  FNR == 1 { l = FILENAME; sub(/\.plan$/, "", l) }
  { f = ($2 == "d" || $2 == "i"); if ($1 in owner) { o = owner[$1]
      if (f != folder[$1]) { clash = clash "\n  - " $1 " (a folder in one of " job[o] " and " job[l] ")" }
      else if (!f && !(job[o] == job[l] ? node[o] == node[l] : before[job[l], job[o]]))
        same = same "\n  - " $1 " (" job[o] "/" node[o] " and " job[l] "/" node[l] ")" }
    owner[$1] = l; folder[$1] = f; if ($2 != "i" || !($1 in line)) line[$1] = (f ? "d" : $2) "\t" $3 "\t" $4 }
  END { if (same) print "holdall: Concurrent upstream jobs persisted the same file(s) into the workspace:" same >"/dev/stderr"
    if (clash) print "holdall: a file meets a folder:" clash >"/dev/stderr"
    if (same clash) exit 1
    for (p in line) print p "\t" line[p] }' "$@"; }
# Moves what a layer holds into the target, folder by folder and never through a link.
hl_merge() { # N
  while IFS="$hl_tab" read -r p t m v; do hl_raw "$p"; s=$1/$hl_p o=../$hl_p
    if [ "$t" = d ] && [ -d "$o" ] && [ ! -L "$o" ]; then chmod u+rwx "$o"; printf '%s\t%s\n' "$p" "$m" >>modes
    elif [ "$t" = d ]; then case $m in 7*) ;; *) printf '%s\t%s\n' "$p" "$m" >>modes ;; esac; fi
    [ -e "$s" ] || [ -L "$s" ] || continue
    if [ -d "$o" ] && [ ! -L "$o" ]; then case $t in d | i) continue ;; esac
      hl_die "$hl_p in the target is a folder, and layer $1 holds a file there"; fi
    rm -f "$o" && mv -f "$s" "$o" || hl_die "$hl_p cannot be written"
  done <"$1.plan"
}
hl_attach() ( # STORE FOLDER JOB:BEFORE,... in order, names as hl_name writes them
  set -eu; hl_open "$1"; at=$(hl_home "$2"); shift 2
  hl_mark=.holdall-attach-incomplete hl_tab=$(printf '\t'); mkdir -p "$at" && cd "$at" || hl_die "$at cannot be made"
  rm -rf "$hl_mark"; mkdir "$hl_mark" || hl_die "$at cannot be written"
  trap 'cd ..; rm -rf "$hl_mark"' EXIT; trap 'exit 130' HUP INT TERM
  cd "$hl_mark"; : >order; : >layers; : >tree; : >modes; n=0
  for spec do
    job=${spec%%:*} after=''; case $spec in *:*) after=${spec#*:} ;; esac
    printf '%s\t%s\n' "$job" "$after" >>order; : >refs
    [ ! -d "$hl_ws/refs/$job" ] || for r in "$hl_ws/refs/$job"/*; do
      case ${r##*/} in *[!0-9.]* | '') ;; *) if [ -f "$r" ] && IFS= read -r v <"$r"; then echo "${r##*/}" >>refs; fi ;; esac; done
    sort -t. -k1,1rn -k2,2n -k3,3n refs | awk -F. 'NR == 1 { a = $1 } $1 == a' >sorted
    while read -r r; do n=$((n + 1)); printf '%s\t%s\t%s\n' "$n" "$job" "$r" >>layers; done <sorted
  done
  while read -r i job r; do hl_unpack "$i" "$job" "$r"; done <layers
  i=0 plans=''; while [ $i -lt $n ]; do i=$((i + 1)) plans="$plans $i.plan"; done
  LC_ALL=C hl_compare order layers $plans >tree || exit
  # From here on the folder stays behind after a failure, and says that the tree is partial.
  trap - EXIT
  i=0; while [ $i -lt $n ]; do i=$((i + 1)); hl_merge "$i"; done
  LC_ALL=C sort -r modes | while IFS="$hl_tab" read -r p m; do hl_raw "$p"; chmod "$m" "../$hl_p" || exit; done
  [ "$n" != 0 ] || echo 'holdall: warning: no upstream job has a layer here' >&2
  while read -r i job r; do printf 'applied %s/%s\n' "$job" "$r"; done <layers
  LC_ALL=C sort tree >sorted; printf 'tree sha256:%s\n' "$(hl_sum sorted)"; cd ..; rm -rf "$hl_mark"
)
