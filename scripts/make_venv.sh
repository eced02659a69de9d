#!/bin/sh
# Makes .venv with uv in it, from any Python 3.11 or newer that this machine has. Says the line that installs what is missing.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

if ! python=$(find_python); then
    echo "The gateway needs Python 3.11 or newer. Debian and Ubuntu: apt-get install -y python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "Python's venv and pip are missing. Debian and Ubuntu: apt-get install -y python3-venv" >&2
    exit 1
fi
# A folder that was copied from elsewhere, or whose Python is gone, is made anew; one that works keeps what it has.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
