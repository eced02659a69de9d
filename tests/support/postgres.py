"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on a free port of loopback, gone when they are.

It is shared by everything that runs in one session, xdist's workers too: whoever comes first starts it under a file
lock, whoever leaves last stops it. The server refuses to run as root, so as root it runs as an unprivileged user.
"""

import fcntl
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


@contextmanager
def a_cluster(shared: Path) -> Iterator[str]:
    """The URL of a running server's maintenance database. `shared` is a folder that all workers of this session see.
    Skips where no PostgreSQL is installed, and fails in CI, which skips nothing."""
    binaries = find_binaries()
    if binaries is None:
        reason = "PostgreSQL is not installed: no initdb on PATH or in /usr/lib/postgresql"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with _locked(shared):
        state = _join(shared) or _start(shared, binaries)
    try:
        yield state["url"]
    finally:
        with _locked(shared):
            _leave(shared)


@contextmanager
def a_database(cluster_url: str, name: str) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    with psycopg.connect(cluster_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield cluster_url.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(cluster_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def find_binaries() -> Path | None:
    """The folder of initdb and postgres, the newest version where there are several."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    on_path = shutil.which("initdb")
    if installed:
        return installed[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def _version(initdb: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in initdb.parts[-3].split(".") if part.isdigit())


@contextmanager
def _locked(shared: Path) -> Iterator[None]:
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _join(shared: Path) -> dict[str, str] | None:
    file = shared / "postgres.json"
    if not file.exists():
        return None
    state = json.loads(file.read_text())
    file.write_text(json.dumps({**state, "users": state["users"] + 1}))
    return state


def _start(shared: Path, binaries: Path) -> dict[str, str]:
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="ai-gateway-pg-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    port = _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200"
    options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    data = folder / "data"
    _run(user, [binaries / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--encoding=UTF8", "--no-sync"])
    _run(user, [binaries / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "-t", "60", "start"])
    state = {"url": f"postgresql://tests@127.0.0.1:{port}/postgres", "folder": str(folder), "binaries": str(binaries)}
    (shared / "postgres.json").write_text(json.dumps({**state, "users": 1}))
    return state


def _leave(shared: Path) -> None:
    file = shared / "postgres.json"
    state = json.loads(file.read_text())
    if state["users"] > 1:
        file.write_text(json.dumps({**state, "users": state["users"] - 1}))
        return
    file.unlink()
    data = Path(state["folder"]) / "data"
    _run(_unprivileged_user(), [Path(state["binaries"]) / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
    shutil.rmtree(state["folder"], ignore_errors=True)


def _unprivileged_user() -> str | None:
    """Whom the server runs as when the tests run as root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(user: str | None, command: list[str | Path]) -> None:
    """`pg_ctl start` leaves its server behind, which must not hold our pipes open: output goes to a file."""
    with tempfile.TemporaryFile() as output:
        words = [str(word) for word in command]
        done = subprocess.run(
            words, stdout=output, stderr=output, stdin=subprocess.DEVNULL, user=user, cwd="/", check=False
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
