#!/bin/sh
# Makes .venv with uv in it, from a Python 3.11 or newer of this machine. Says the line that installs what is missing.
# Where there are several, the first on the PATH is taken, unless another runs plain Python at least a quarter faster:
# a Python that was built without profile-guided optimisation serves half as many requests as Debian's. PYTHON=... decides.
set -eu
cd "$(dirname "$0")/.."

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

is_complete() {
    "$1" -c 'import venv, ensurepip, ssl, sqlite3' 2>/dev/null
}

# Microseconds that a round of calls, objects and look-ups takes: the least of many short ones, so that others on the
# machine do not decide.
speed_of() {
    "$1" -I -c '
import time, timeit

class Thing:
    def __init__(self, number): self.number = number
    def added(self, other): return self.number + other

def work():
    total = 0
    for number in range(1000):
        total += len((number, {"thing": Thing(number).added(number)}))

print(int(min(timeit.repeat(work, number=1, repeat=300, timer=time.process_time)) * 1e6))'
}

fastest_of() {
    chosen="" && chosen_speed=0
    for candidate in "$@"; do
        { command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate" && is_complete "$candidate"; } || continue
        speed=$(speed_of "$candidate") || continue
        if [ -z "$chosen" ] || [ $((speed * 5)) -lt $((chosen_speed * 4)) ]; then
            chosen=$candidate && chosen_speed=$speed
        fi
    done
    echo "$chosen"
}

find_any() {
    for candidate in "$@"; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# A folder that was copied from elsewhere, or whose Python is gone, is made anew; one that works keeps what it has.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    candidates=${PYTHON:-python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.14}
    # shellcheck disable=SC2086  # one word for each candidate is meant
    if ! any=$(find_any $candidates); then
        echo "The gateway needs Python 3.11 or newer. Debian and Ubuntu: apt-get install -y python3 python3-venv" >&2
        exit 1
    fi
    # shellcheck disable=SC2086
    python=$(fastest_of $candidates)
    if [ -z "$python" ]; then
        echo "Python's venv and pip are missing for $any. Debian and Ubuntu: apt-get install -y python3-venv" >&2
        exit 1
    fi
    rm -rf .venv
    "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
