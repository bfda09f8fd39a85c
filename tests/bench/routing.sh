#!/usr/bin/env bash
# Installs what it compares with, then prints the figures of routing. usage: routing.sh [SEED]
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! /usr/bin/python3 -c 'import libtorrent' 2>/dev/null; then
  apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends python3-libtorrent \
    >/dev/null
fi
exec tests/bench/routing.py "$PWD/build/release/bin" "$@"
