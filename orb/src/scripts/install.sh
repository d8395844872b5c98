#!/bin/sh
# Puts holdall on the search path of the steps that follow: a program that is there, a release whose
# checksum is right, or a build of a source folder. Shared by the orb and the GitHub Action.
#   HOLDALL_BINARY    a program that is there, by its path or its name
#   HOLDALL_VERSION   a release, such as 0.1.0
#   HOLDALL_RELEASES  the URL below which releases lie, each in a folder v<version>
#   HOLDALL_SHA256    the checksum of the archive; without it the release's SHA256SUMS says it
#   HOLDALL_SOURCE    a folder with holdall's source, built where neither of the others is named
#   HOLDALL_INTO      the folder for the program
set -eu

into=${HOLDALL_INTO:-$HOME/.holdall/bin}
program=holdall
case $(uname -s) in MINGW* | MSYS* | CYGWIN*) program=holdall.exe ;; esac

stop() {
  printf 'holdall: %s\n' "$1" >&2
  exit 2
}

# Names the system as releases do.
target() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    *) stop "there is no archive of a release for $(uname -s) on $(uname -m): name a binary, or build from source" ;;
  esac
}

fetch() {
  curl --fail --silent --show-error --location --retry 3 --output "$2" -- "$1" ||
    stop "cannot fetch $1"
}

sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

release() {
  version=${HOLDALL_VERSION#v}
  case $version in *[!0-9A-Za-z.+-]* | '') stop "$HOLDALL_VERSION is no version: write one such as 0.1.0" ;; esac
  [ -n "${HOLDALL_RELEASES:-}" ] || stop 'where are the releases? Name the URL below which they lie'
  system=$(target)
  name=holdall-$version-$system.tar.gz
  from=${HOLDALL_RELEASES%/}/v$version
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  fetch "$from/$name" "$work/archive"
  wanted=${HOLDALL_SHA256:-}
  if [ -z "$wanted" ]; then
    fetch "$from/SHA256SUMS" "$work/sums"
    wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1; exit }' "$work/sums")
    [ -n "$wanted" ] || stop "SHA256SUMS of v$version does not name $name"
  fi
  found=$(sum "$work/archive")
  [ "$found" = "$wanted" ] || stop "$name is not what it should be: its SHA-256 is $found, not $wanted"
  mkdir "$work/unpacked"
  tar -xzf "$work/archive" -C "$work/unpacked"
  file=$(find "$work/unpacked" -type f -name "$program" | head -n 1)
  [ -n "$file" ] || stop "there is no $program in $name"
  cp "$file" "$into/$program"
  chmod 755 "$into/$program"
}

# As fast as it builds: a check takes milliseconds either way.
build() {
  command -v cargo >/dev/null 2>&1 || stop 'building from source needs cargo: install Rust, or name a release or a binary'
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --force --path "$HOLDALL_SOURCE" --root "${into%/bin}"
}

case $into in */bin) ;; *) into=$into/bin ;; esac
mkdir -p "$into"
if [ -n "${HOLDALL_BINARY:-}" ]; then
  found=$(command -v "$HOLDALL_BINARY") || stop "there is no program $HOLDALL_BINARY"
  found=$(cd "$(dirname "$found")" && pwd)/$(basename "$found")
  [ "$found" = "$into/$program" ] || ln -sf "$found" "$into/$program"
elif [ -n "${HOLDALL_VERSION:-}" ]; then
  release
elif [ -n "${HOLDALL_SOURCE:-}" ]; then
  build
else
  stop 'name a binary or a version'
fi
"$into/$program" --version

if [ -n "${GITHUB_PATH:-}" ]; then
  printf '%s\n' "$into" >>"$GITHUB_PATH"
elif [ -n "${BASH_ENV:-}" ]; then
  quoted=$(printf '%s' "$into" | sed "s/'/'\\\\''/g")
  printf "export PATH='%s':\"\$PATH\"\n" "$quoted" >>"$BASH_ENV"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'binary=%s\n' "$into/$program" >>"$GITHUB_OUTPUT"
fi
