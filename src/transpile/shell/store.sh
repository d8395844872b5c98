# Keeps a file or folder below the run's folder.
holdall_store() { # FOLDER NAME PATH
  holdall_from=$(holdall_home "$3")
  if [ ! -e "$holdall_from" ]; then printf '%s does not exist\n' "$holdall_from"; return 0; fi
  holdall_to=$HOLDALL_RUN/$1/$holdall_name/$2
  if [ -d "$holdall_from" ]; then
    mkdir -p "$holdall_to"
    cp -RL "$holdall_from/." "$holdall_to/" || printf 'not all of %s could be copied\n' "$holdall_from"
  else
    mkdir -p "${holdall_to%/*}"
    cp -L "$holdall_from" "$holdall_to"
  fi
}
