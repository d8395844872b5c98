# Caches as the service keeps them: under a key that never changes, found by the start of a key.
holdall_checksum() ( # FILE
  cd "$holdall_directory"
  holdall_file=$(holdall_home "$1")
  if [ ! -f "$holdall_file" ]; then
    printf 'the key of a cache needs %s, which does not exist\n' "$1" >&2
    : >"$holdall_private/no-key"
  elif command -v sha256sum >/dev/null 2>&1; then sha256sum <"$holdall_file" | cut -d ' ' -f 1
  else shasum -a 256 <"$holdall_file" | cut -d ' ' -f 1; fi
)
# The name of a key's file.
holdall_key() { printf '%s' "$1" | LC_ALL=C tr -c 'A-Za-z0-9._=+-' '%'; }
# Calls tar where `home` is the home of the job and `root` is the root: what lay at home comes back
# at home, wherever that is for the job that finds it.
holdall_tar() {
  mkdir -p "$holdall_private/places"
  ln -s "$HOME" "$holdall_private/places/home"
  ln -s / "$holdall_private/places/root"
  holdall_tarred=0
  tar -C "$holdall_private/places" "$@" || holdall_tarred=$?
  rm -f "$holdall_private/places/home" "$holdall_private/places/root"
  return "$holdall_tarred"
}
holdall_save_cache() { # GROUP KEY PATH...
  if [ -e "$holdall_private/no-key" ]; then return 1; fi
  holdall_kept=$holdall_caches/$1 holdall_name=$(holdall_key "$2")
  shift 2
  if [ -e "$holdall_kept/$holdall_name.tar.gz" ]; then printf 'a cache is kept under this key already\n'; return 0; fi
  mkdir -p "$holdall_kept"
  for holdall_path do
    shift
    holdall_path=$(holdall_home "$holdall_path")
    case $holdall_path in /*) ;; *) holdall_path=$PWD/$holdall_path ;; esac
    if [ ! -e "$holdall_path" ]; then printf '%s does not exist\n' "$holdall_path" >&2; continue; fi
    case $holdall_path in
      "$HOME"/*) set -- "$@" "home${holdall_path#"$HOME"}" ;;
      *) set -- "$@" "root$holdall_path" ;;
    esac
  done
  if [ $# = 0 ]; then return 0; fi
  holdall_tar -czf "$holdall_kept/.new" "$@"
  mv "$holdall_kept/.new" "$holdall_kept/$holdall_name.tar.gz"
  # Old ones go, so that what GitLab carries does not grow for ever.
  find "$holdall_kept" -name '*.tar.gz' -mtime +15 -exec rm -f {} +
}
holdall_restore_cache() { # GROUP KEY...
  if [ -e "$holdall_private/no-key" ]; then return 1; fi
  holdall_kept=$holdall_caches/$1
  shift
  for holdall_word do
    holdall_name=$(holdall_key "$holdall_word") holdall_found=''
    # The newest of those that start so.
    for holdall_file in "$holdall_kept/$holdall_name"*.tar.gz; do
      if [ -f "$holdall_file" ] && { [ -z "$holdall_found" ] || [ -n "$(find "$holdall_file" -newer "$holdall_found")" ]; }; then
        holdall_found=$holdall_file
      fi
    done
    if [ -n "$holdall_found" ]; then
      printf 'found %s\n' "${holdall_found##*/}"
      holdall_tar -xzpf "$holdall_found"
      return 0
    fi
  done
  printf 'no cache is found\n'
}
