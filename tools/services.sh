#!/usr/bin/env bash
# System packages that tests need. Nothing so far: every part of the test suite comes with pip.
# Add package names here; without root they are only named, and the tests that need them skip with a reason.
set -euo pipefail
packages=()

if [ "${#packages[@]}" -eq 0 ]; then
  echo "services: no system package is needed yet"
elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"
else
  echo "services: not root or no apt; tests that need ${packages[*]} will skip and say so"
fi
