#!/bin/sh
# Sees to the servers that tests need. What is there is used; installing is for root, or for who asks for it
# (AI_GATEWAY_TEST_INSTALL=1). No system cluster is made or started: tests start their own on free ports.
set -eu

has_postgresql() {
    command -v initdb >/dev/null 2>&1 && return 0
    for program in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$program" ] && return 0
    done
    return 1
}

has_postgresql && exit 0
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif [ "${AI_GATEWAY_TEST_INSTALL:-}" = 1 ]; then
    as_root="sudo"
else
    echo "PostgreSQL is not installed: its tests skip. Install it: sudo apt-get install -y postgresql" >&2
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "PostgreSQL is not installed, and there is no apt-get to install it with: its tests skip." >&2
    exit 0
fi
settings=/etc/postgresql-common/createcluster.conf
if [ ! -e "$settings" ]; then
    $as_root mkdir -p "$(dirname "$settings")"
    echo "create_main_cluster = false" | $as_root tee "$settings" >/dev/null
fi
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-confold postgresql >/dev/null
