#!/bin/sh
# Install what the live tests need from the system (Debian, Ubuntu): WordNet's files, which TONE's sources are held
# against, Apertium's translation server with Spanish and English, and a Chromium that playwright can drive. What is there
# is left alone; root or sudo is needed only when something is missing. Without WordNet or Apertium the tests that need
# them skip and say so; without a browser this fails.
set -eu

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
if [ ! -f /usr/share/wordnet/data.noun ] && command -v apt-get >/dev/null 2>&1; then
    { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wordnet-base; } ||
        echo "WordNet (wordnet-base) could not be installed: the tests that read it will skip" >&2
fi
if [ ! -x /usr/bin/apertium-apy ] && command -v apt-get >/dev/null 2>&1; then
    { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends apertium-apy apertium-en-es; } ||
        echo "Apertium (apertium-apy) could not be installed: the tests that translate with it will skip" >&2
fi
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
if [ -n "$as_root" ]; then
    command -v sudo >/dev/null 2>&1 || { echo "run this as root: chromium is missing and there is no sudo" >&2; exit 1; }
fi
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# Noto: a browser without Indic fonts draws Marathi as boxes, in the screenshots and for the annotator.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-core
[ -x /usr/bin/chromium ] || { echo "apt installed no /usr/bin/chromium (Ubuntu ships it as a snap): set DSBUILD_CHROMIUM" >&2; exit 1; }
echo "browser: /usr/bin/chromium"
