#!/bin/sh
# Install what the live tests need from the system: a Chromium that playwright can drive (Debian, Ubuntu).
# Does nothing when one is there. Needs root or sudo only when something is missing.
set -eu

for browser in "${DSBUILD_CHROMIUM:-}" /usr/bin/chromium; do
    if [ -n "$browser" ] && [ -x "$browser" ]; then
        echo "browser: $browser"
        exit 0
    fi
done
command -v apt-get >/dev/null 2>&1 || {
    echo "no apt-get here: install Chromium by hand and set DSBUILD_CHROMIUM to its path" >&2
    exit 1
}
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "run this as root: chromium is missing and there is no sudo" >&2; exit 1; }
    as_root=sudo
fi
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# Noto: a browser without Indic fonts draws Marathi as boxes, in the screenshots and for the annotator.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-core
[ -x /usr/bin/chromium ] || { echo "apt installed no /usr/bin/chromium (Ubuntu ships it as a snap): set DSBUILD_CHROMIUM" >&2; exit 1; }
echo "browser: /usr/bin/chromium"
