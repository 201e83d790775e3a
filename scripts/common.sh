# Sourced by the scripts beside it: where the repository is, how a line is said, what files hash to.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root" || exit

# `say STEP TEXT` is the one line a step is allowed.
say() { printf '%-13s %s\n' "$1" "$2"; }
warn() { printf '%-13s warning: %s\n' "$1" "$2" >&2; }
fail() {
  printf '%-13s error: %s\n' "$1" "$2" >&2
  exit 1
}

in_ci() { [[ -n ${CI:-} && ${CI:-} != false && ${CI:-} != 0 ]]; }
have() { command -v "$1" >/dev/null 2>&1; }

# `at_least 20.19 20.20.2`: the second version is the first or newer.
at_least() { printf '%s\n%s\n' "$1" "$2" | sort -V -C; }

# Microseconds since the epoch; the decimal separator follows the locale.
now_us() { echo "${EPOCHREALTIME/[.,]/}"; }
seconds_since() {
  local us=$(($(now_us) - $1))
  printf '%d.%d s' $((us / 1000000)) $((us % 1000000 / 100000))
}

# One digest of the files given and of all files below the folders given, by path and content.
# A path that does not exist contributes nothing, so its coming or going changes the digest.
digest() {
  local path
  for path in "$@"; do
    if [[ -e $path ]]; then find "$path" -type f -print0; fi
  done | sort -z | xargs -0r sha256sum | sha256sum | cut -d' ' -f1
}

# Prints the name of a clang tool of the one version whose opinion counts, or nothing.
clang_version=19
find_clang_tool() {
  if have "$1-$clang_version"; then
    echo "$1-$clang_version"
  elif have "$1" && [[ $("$1" --version) == *"version $clang_version."* ]]; then
    echo "$1"
  fi
}
