#!/bin/sh
# Installs hashed locks into .venv: install_lock.sh LOCK... Where uv cannot reach an index that pip is set up for, pip does it.
set -eu
cd "$(dirname "$0")/.."
locks=""
for lock in "$@"; do
    locks="$locks -r $lock"
done
# Compiled now, because an environment may forbid it later (PYTHONDONTWRITEBYTECODE), and every start would do it again.
# shellcheck disable=SC2086  # one word for each option is meant
.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes $locks ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes $locks
