# Copies the committed state of the project, as a fresh clone.
holdall_checkout() { # PATH [DEPTH]
  holdall_to=$(holdall_home "$1")
  mkdir -p "$holdall_to"
  cd "$holdall_to"
  if [ -d .git ]; then
    HOME=$holdall_own_home git fetch --quiet "$HOLDALL_PROJECT" HEAD
    git reset --quiet --hard FETCH_HEAD
    return 0
  fi
  if [ -n "$(ls -A)" ]; then
    printf 'Directory (%s) you are trying to checkout to is not empty and not a git repository\n' "$PWD"
    return 1
  fi
  if [ -z "$holdall_revision" ]; then
    printf '%s has no commit: its files are copied as they are\n' "$HOLDALL_PROJECT"
    tar -C "$HOLDALL_PROJECT" --exclude=./.holdall -cf - . | tar -xpf -
    return 0
  fi
  HOME=$holdall_own_home git clone --quiet --no-hardlinks ${2:+--depth "$2"} "file://$HOLDALL_PROJECT" .
  if [ -n "$holdall_origin" ]; then git remote set-url origin "$holdall_origin"; fi
}
