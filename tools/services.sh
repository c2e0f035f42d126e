#!/usr/bin/env bash
# System packages that tests need; everything else of the test suite comes with pip.
# Add package names here; without root they are only named, and the tests that need them skip with a reason.
set -euo pipefail
packages=(
  # a real RTSP server as a camera
  python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad
  mosquitto # a real MQTT broker
  chromium # the page in a real browser
  systemd # systemd-analyze verifies the unit of `service install`
)

if [ "${#packages[@]}" -eq 0 ]; then
  echo "services: no system package is needed yet"
elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"
else
  echo "services: not root or no apt; tests that need ${packages[*]} will skip and say so"
fi
