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
# The beginning of the name of a key's file; other keys may have the same.
holdall_key() { printf '%s' "$1" | LC_ALL=C tr -c 'A-Za-z0-9._=+-' '%'; }
# What is below the home folder is kept apart: that of the next job may be elsewhere.
holdall_save_cache() { # GROUP KEY PATH...
  if [ -e "$holdall_private/no-key" ]; then return 1; fi
  holdall_kept=$holdall_caches/$1 holdall_word=$2
  holdall_name=$(holdall_key "$2").$(printf '%s' "$2" | cksum | cut -d ' ' -f 1)
  shift 2
  if [ -e "$holdall_kept/$holdall_name.cache" ]; then printf 'a cache is kept under this key already\n'; return 0; fi
  rm -rf "$holdall_kept/.new"
  mkdir -p "$holdall_kept/.new"
  for holdall_path do
    holdall_path=$(holdall_home "$holdall_path") holdall_part=root
    case $holdall_path in /*) ;; *) holdall_path=$PWD/$holdall_path ;; esac
    if [ ! -e "$holdall_path" ]; then printf '%s does not exist\n' "$holdall_path" >&2; continue; fi
    case $holdall_path in "$HOME" | "$HOME/"*) holdall_part=home holdall_path=${holdall_path#"$HOME"} ;; esac
    printf './%s\n' "${holdall_path#/}" >>"$holdall_kept/.new/$holdall_part"
  done
  if [ -z "$(ls -A "$holdall_kept/.new")" ]; then rm -rf "$holdall_kept/.new"; return 0; fi
  holdall_pack home "$HOME"
  holdall_pack root /
  printf '%s\n' "$holdall_word" >"$holdall_kept/.new/key"
  mv "$holdall_kept/.new" "$holdall_kept/$holdall_name.cache"
  # Old ones go, so that what GitLab carries does not grow for ever.
  find "$holdall_kept" -name key -mtime +15 | while IFS= read -r holdall_path; do rm -rf "${holdall_path%/*}"; done
}
holdall_pack() { # PART FOLDER
  [ -f "$holdall_kept/.new/$1" ] || return 0
  holdall_list=$holdall_kept/.new/$1 holdall_from=$2
  set --
  while IFS= read -r holdall_path; do set -- "$@" "$holdall_path"; done <"$holdall_list"
  tar -C "$holdall_from" -czf "$holdall_list.tar.gz" "$@"
  rm -f "$holdall_list"
}
holdall_restore_cache() { # GROUP KEY... [-g GROUP KEY...]...: the first key that a cache starts with
  if [ -e "$holdall_private/no-key" ]; then return 1; fi
  set -- -g "$@"
  while [ $# -gt 0 ]; do
    if [ "$1" = -g ]; then holdall_kept=$holdall_caches/$2; shift 2; continue; fi
    holdall_name=$(holdall_key "$1") holdall_word=$1 holdall_found=''
    shift
    # The newest of those that start so.
    for holdall_path in "$holdall_kept/$holdall_name"*.cache; do
      [ -f "$holdall_path/key" ] || continue
      case $(cat "$holdall_path/key") in "$holdall_word"*) ;; *) continue ;; esac
      if { [ -z "$holdall_found" ] || [ -n "$(find "$holdall_path/key" -newer "$holdall_found/key")" ]; }; then
        holdall_found=$holdall_path
      fi
    done
    if [ -n "$holdall_found" ]; then
      printf 'found '
      cat "$holdall_found/key"
      if [ -f "$holdall_found/home.tar.gz" ]; then tar -C "$HOME" -xzpf "$holdall_found/home.tar.gz"; fi
      if [ -f "$holdall_found/root.tar.gz" ]; then tar -C / -xzpf "$holdall_found/root.tar.gz"; fi
      return 0
    fi
  done
  printf 'no cache is found\n'
}
