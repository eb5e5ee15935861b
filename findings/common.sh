#!/usr/bin/env bash
# Sourced by the scripts of this folder: a temp folder that goes away, pinned packages, the verdict.
set -euo pipefail
tmp=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done; wait; rm -rf "$tmp"' EXIT
export PATH="$tmp/root/usr/bin:$tmp/root/usr/sbin:$PATH"
export LD_LIBRARY_PATH=$tmp/root/usr/lib/x86_64-linux-gnu

skip() { echo "skipped: $*"; exit 77; }
need() { for word in "$@"; do command -v "$word" >/dev/null || skip "there is no $word here"; done; }

# deb NAME=VERSION...: Debian packages, and what they need and the system lacks, unpacked into $tmp/root.
deb() {
  need apt-get dpkg python3
  mkdir -p "$tmp/debs/partial" "$tmp/root"
  timeout 300 apt-get install -q -y --no-install-recommends --download-only -o Debug::NoLocking=true \
    -o Dir::Cache::archives="$tmp/debs" "$@" >"$tmp/apt.log" 2>&1 || skip "apt-get has no $*"
  for file in "$tmp"/debs/*.deb; do [[ ! -e $file ]] || dpkg -x "$file" "$tmp/root"; done
  echo "versions: $*"
}

# npm_package NAME@VERSION...: into $tmp/node_modules, where a script in $tmp finds them.
npm_package() {
  need node npm python3
  (cd "$tmp" && timeout 120 npm install --silent --fetch-retries=0 --no-audit --no-fund --ignore-scripts \
    --prefix "$tmp" "$@") >"$tmp/npm.log" 2>&1 || skip "npm has no $*"
  echo "versions: $*"
}

start() { "$@" & pids+=($!); }

# bound PORT: waits until somebody has bound that UDP port.
bound() {
  for _ in {1..200}; do
    ! grep -q ":$(printf %04X "$1") " /proc/net/udp /proc/net/udp6 2>/dev/null || return 0
    sleep 0.1
  done
  skip "nobody bound port $1"
}

# verdict EXPECTED SEEN KNOWN: fails when SEEN is no longer what was written down.
verdict() {
  printf 'expected: %s\nseen:     %s\n' "$1" "$2"
  [[ $2 == "$3" ]] && echo "still so" || { echo "CHANGED, it was: $3"; exit 1; }
}
