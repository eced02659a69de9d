#!/bin/sh
# Installs the clients that tests drive the gateway with, once: Python ones below .clients from hashed locks, each lock
# in an environment of its own because their pins clash, and npm's with npm. What cannot be had is said in a line, and
# its tests skip (where CI is set, they fail).
set -eu
cd "$(dirname "$0")/.."
uv="$PWD/.venv/bin/uv"
mkdir -p .clients

for name in frameworks instructor; do
    lock="requirements/clients-$name.lock"
    cmp -s "$lock" ".clients/$name/installed.lock" && continue
    echo "Installing client libraries for tests ($name, once) ..." >&2
    rm -rf ".clients/$name"
    "$uv" venv --quiet --python .venv/bin/python ".clients/$name"
    python=".clients/$name/bin/python"
    if "$uv" pip install --quiet --python "$python" --require-hashes -r "$lock" ||
        { .venv/bin/python -m venv --clear ".clients/$name" &&
            "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"; }; then
        cp "$lock" ".clients/$name/installed.lock"
    else
        echo "They cannot be installed: their tests skip." >&2
    fi
done

lock=requirements/clients-node/package-lock.json
if ! command -v npm >/dev/null 2>&1; then
    echo "Node.js (20 or newer, with npm) is not installed: its clients' tests skip. Install it: sudo apt-get install -y nodejs npm" >&2
elif ! cmp -s "$lock" .clients/node/installed.lock; then
    echo "Installing client libraries for tests (npm, once) ..." >&2
    mkdir -p .clients/node
    cp requirements/clients-node/*.json .clients/node/
    if (cd .clients/node && npm ci --silent --ignore-scripts --no-audit --no-fund); then
        cp "$lock" .clients/node/installed.lock
    else
        echo "They cannot be installed: their tests skip." >&2
    fi
fi
