#!/bin/sh
# Installs what the benchmarks measure against, once: LiteLLM and Portkey below .bench from hashed locks, nginx from
# Debian for root. What cannot be had is left out with a line; the table then says "not measured".
set -eu
cd "$(dirname "$0")/.."
uv="$PWD/.venv/bin/uv"
mkdir -p .bench

if [ ! -x /usr/sbin/nginx ] && ! command -v nginx >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing nginx ..." >&2
        # Installing must not start a server on port 80: Debian asks policy-rc.d, where there is one.
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light >/dev/null ||
            echo "nginx cannot be installed: its rows are left out." >&2
    else
        echo "nginx is not installed (sudo apt-get install nginx-light): its rows are left out." >&2
    fi
fi

lock=requirements/bench-litellm.lock
if ! cmp -s "$lock" .bench/litellm/installed.lock; then
    echo "Installing LiteLLM ..." >&2
    rm -rf .bench/litellm
    .venv/bin/python -m venv .bench/litellm
    if "$uv" pip install --quiet --python .bench/litellm/bin/python --require-hashes -r "$lock" ||
        .bench/litellm/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"; then
        cp "$lock" .bench/litellm/installed.lock
    else
        echo "LiteLLM cannot be installed: its rows are left out." >&2
    fi
fi

lock=requirements/bench-portkey/package-lock.json
if ! command -v npm >/dev/null 2>&1; then
    echo "Portkey needs Node and npm: its rows are left out." >&2
elif ! cmp -s "$lock" .bench/portkey/installed.lock; then
    echo "Installing Portkey ..." >&2
    mkdir -p .bench/portkey
    cp requirements/bench-portkey/*.json .bench/portkey/
    if (cd .bench/portkey && npm ci --silent --ignore-scripts --no-audit --no-fund); then
        cp "$lock" .bench/portkey/installed.lock
    else
        echo "Portkey cannot be installed: its rows are left out." >&2
    fi
fi
