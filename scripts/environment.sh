#!/bin/sh
# Make or update an environment from a lock file:  scripts/environment.sh requirements/demo.lock [.venv]
# Finds a Python >= 3.12 by running the candidates, because a version manager's shim may be on
# PATH for a version that is not active.
set -eu
lock=$1
venv=${2:-.venv}

works() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; }

find_python() {
    for name in "${PYTHON:-}" python3.13 python3.12 python3.14 python3.15 python3; do
        if [ -n "$name" ] && works "$name"; then echo "$name"; return; fi
    done
    for root in "${PYENV_ROOT:-}" "$HOME/.pyenv"; do
        for version in 3.13 3.12 3.14 3.15; do
            for python in "$root"/versions/"$version"*/bin/python; do
                if [ -x "$python" ] && works "$python"; then echo "$python"; return; fi
            done
        done
    done
}

if ! [ -x "$venv/bin/python" ] || ! works "$venv/bin/python"; then
    python=$(find_python)
    if [ -z "$python" ]; then
        echo "SonicRTC needs Python 3.12 or newer and found none on PATH or under ~/.pyenv/versions." >&2
        echo "Install one (Debian 13: apt-get install python3 python3-venv; elsewhere: pyenv install 3.13)" >&2
        echo "or name one:  make PYTHON=/path/to/python3.13 demo" >&2
        exit 1
    fi
    rm -rf "$venv"
    echo "· creating $venv with $("$python" -V)"
    if ! "$python" -m venv "$venv"; then
        echo "This Python cannot make virtual environments (on Debian: apt-get install python3-venv)." >&2
        exit 1
    fi
fi
echo "· installing $(grep -c '==' "$lock") pinned packages from $lock (a minute or two, once)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock"
