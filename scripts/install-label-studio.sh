#!/bin/sh
# Install the Label Studio server into an environment of its own.
#
#   scripts/install-label-studio.sh [DIR]        DIR: default $LABEL_STUDIO_VENV, else .venv-label-studio beside this repo's files
#
# The server pins packages that dsbuild needs newer (openai below 2, pyarrow 24), so it never shares an environment
# with dsbuild. About 1 GB and two minutes. Running it again does nothing when the pinned version is there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-${LABEL_STUDIO_VENV:-$root/.venv-label-studio}}
python=${PYTHON:-python3}
version=1.23.2
constraints=$root/scripts/label-studio-constraints.txt
done_mark=$venv/.dsbuild-label-studio

# A half-finished installation has no mark and is made again; a changed pin changes the mark.
wanted=$(cat "$constraints" | cksum)
if [ -x "$venv/bin/label-studio" ] && [ -f "$done_mark" ] && [ "$(cat "$done_mark")" = "$version $wanted" ]; then
    echo "Label Studio $version is installed in $venv"
    exit 0
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "Label Studio $version needs Python 3.10 or newer; set PYTHON to one" >&2
    exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check \
    --constraint "$constraints" "label-studio==$version"
# Without a pin pip goes back years to find a version that fits: look at what came.
found=$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("label-studio"))')
[ "$found" = "$version" ] || { echo "got label-studio $found instead of $version" >&2; exit 1; }
printf '%s' "$version $wanted" > "$done_mark"
echo "Label Studio $version installed in $venv"
