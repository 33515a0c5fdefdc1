#!/bin/sh
# Build the web client into python/sonicrtc/page.
set -eu
echo "· installing the page's packages"
scripts/node.sh npm --prefix web ci --no-audit --no-fund --loglevel=error
echo "· building the page"
scripts/node.sh npm --prefix web run --silent build
