holdall_starts() { case $1 in "$2"*) return 0 ;; *) return 1 ;; esac; } # TEXT START
# All of the text, which has one line, has to match.
holdall_matches() { # TEXT PATTERN
  case $1 in *'
'*) return 1 ;; esac
  printf '%s\n' "$1" | LC_ALL=C grep -Eqx -e "$2"
}
