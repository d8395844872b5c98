# usage: holdall-layer.sh persist STORE JOB ROOT PATH... | attach STORE FOLDER JOB:BEFORE,... | tree FOLDER
case ${1:-} in
  persist) shift; [ $# -ge 4 ] || hl_die 'usage: persist STORE JOB ROOT PATH...'; hl_persist "$@" ;;
  attach) shift; [ $# -ge 2 ] || hl_die 'usage: attach STORE FOLDER JOB:BEFORE,...'; hl_attach "$@" ;;
  tree) hl_tmp=$(mktemp -d) && (cd "${2:-.}" && hl_tree "$hl_tmp/lines" .) && printf 'tree sha256:%s\n' "$(hl_sum "$hl_tmp/lines")"
    hl_s=$?; rm -rf "$hl_tmp"; exit "$hl_s" ;;
  *) hl_die 'usage: holdall-layer.sh persist STORE JOB ROOT PATH... | attach STORE FOLDER JOB:BEFORE,... | tree FOLDER' ;;
esac
