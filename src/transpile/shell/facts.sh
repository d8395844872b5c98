# What git says of the project; the person's own settings of git hold for it.
HOLDALL_PROJECT=${HOLDALL_PROJECT:-$PWD}
holdall_own_home=${HOME:-/}
holdall_git() { HOME=$holdall_own_home git -C "$HOLDALL_PROJECT" "$@" 2>/dev/null || :; }
if [ -z "${HOLDALL_BRANCH+x}${HOLDALL_TAG+x}" ]; then
  HOLDALL_BRANCH=$(holdall_git symbolic-ref --short -q HEAD)
  if [ -z "$HOLDALL_BRANCH" ]; then HOLDALL_TAG=$(holdall_git describe --tags --exact-match HEAD); fi
fi
HOLDALL_BRANCH=${HOLDALL_BRANCH:-} HOLDALL_TAG=${HOLDALL_TAG:-} HOLDALL_NUMBER=${HOLDALL_NUMBER:-$(date +%s)}
# shellcheck disable=SC2034 # not every script asks for all of it
holdall_revision=$(holdall_git rev-parse --verify -q HEAD)
holdall_origin=$(holdall_git config --get remote.origin.url)
holdall_repository=${holdall_origin%/} holdall_repository=${holdall_repository%.git}
holdall_owner=${holdall_repository%[/:]*} holdall_owner=${holdall_owner##*[/:]} holdall_repository=${holdall_repository##*[/:]}
# Sets a variable unless it is set already, and hands it on.
holdall_default() { # NAME VALUE
  eval "[ -n \"\${$1+x}\" ] || $1=\$2"
  # shellcheck disable=SC2163 # the variable that it names
  export "$1"
}
