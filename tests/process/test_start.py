"""The first minute: what a start prints, what it refuses, and what happens when several start at once."""

import re
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from support.gateway import (
    DEADLINE_SECONDS,
    Gateway,
    a_secret_environment,
    end,
    launch,
    move_in,
    running_gateway,
    serving_gateway,
)

STARTED = 3


def refused(data_dir: Path, environment: dict[str, str], command: str) -> tuple[int, str]:
    """Exit code and words of a start that ends by itself."""
    process, output = launch(data_dir, {"PORT": "0", **environment}, (command,))
    try:
        return process.wait(DEADLINE_SECONDS), output.read_text()
    finally:
        end(process)


def test_the_printed_curl_line_works_when_it_is_pasted(shared: Gateway) -> None:
    line = re.search(r"^curl .*\\\n.*$", shared.said(), re.MULTILINE)
    assert line is not None
    done = subprocess.run(["sh", "-c", line[0]], capture_output=True, text=True, timeout=30, check=True)
    assert "mock provider" in done.stdout
    assert "Hello! What are you?" in done.stdout


def test_a_test_that_fails_shows_what_its_gateway_said(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as failed, running_gateway(tmp_path / "data"):
        raise ZeroDivisionError
    [note] = failed.value.__notes__
    assert "exit code 0" in note
    assert "running at http://127.0.0.1" in note


def test_a_second_start_on_the_same_folder_is_refused_and_says_why(shared: Gateway) -> None:
    code, said = refused(shared.data_dir, {}, "dev")
    assert code == 1
    assert str(shared.data_dir) in said
    assert "another" in said.lower()
    assert "Traceback" not in said
    assert shared.chat("gpt-4").status == 200


def test_a_taken_port_is_refused_and_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refused(tmp_path / "data", {"PORT": str(taken.getsockname()[1])}, "dev")
    assert code == 1
    assert "does not start" in said
    assert "Traceback" not in said


def test_the_folder_is_free_again_after_a_stop(tmp_path: Path) -> None:
    for _ in range(2):
        with running_gateway(tmp_path / "data") as gateway:
            assert gateway.chat("gpt-4").status == 200
            assert gateway.stop() == 0


def test_serving_without_secrets_is_refused_and_names_all_that_is_missing(tmp_path: Path) -> None:
    code, said = refused(tmp_path / "data", {}, "serve")
    assert code == 3
    for name in ("AI_GATEWAY_ENCRYPTION_KEY is not set", "AI_GATEWAY_ADMIN_TOKEN is not set", "openssl rand"):
        assert name in said


@pytest.mark.parametrize(
    ("name", "weak"),
    [
        ("AI_GATEWAY_ADMIN_TOKEN", "xK7-tq-90"),
        ("AI_GATEWAY_ADMIN_TOKEN", "changeme-changeme-changeme"),
        ("AI_GATEWAY_ADMIN_TOKEN", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("AI_GATEWAY_ENCRYPTION_KEY", "0" * 64),
        ("AI_GATEWAY_ENCRYPTION_KEY", "not a key"),
    ],
)
def test_serving_with_a_weak_secret_is_refused_without_repeating_it(tmp_path: Path, name: str, weak: str) -> None:
    code, said = refused(tmp_path / "data", {**a_secret_environment(), name: weak}, "serve")
    assert (code, name in said, weak in said) == (3, True, False)
    assert not (tmp_path / "data" / "gateway.db").exists()


def test_another_master_key_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    first, second = a_secret_environment(), a_secret_environment()
    with serving_gateway(tmp_path / "data", first) as gateway:
        assert gateway.stop() == 0
    code, said = refused(tmp_path / "data", second, "serve")
    assert code == 1
    assert "encryption key" in said
    assert "Traceback" not in said


def test_the_data_plane_alone_has_no_admin_api(tmp_path: Path) -> None:
    secrets = a_secret_environment()
    with serving_gateway(tmp_path / "data", secrets) as gateway:
        move_in(gateway)
        key = gateway.key
        assert gateway.stop() == 0
    with serving_gateway(tmp_path / "data", secrets, ("--data-plane-only",)) as gateway:
        assert gateway.chat("up/gpt-4", key).status == 200
        assert gateway.admin("GET", "/providers").status == 404


def test_three_that_start_together_migrate_once_and_all_serve(tmp_path: Path, database: str) -> None:
    secrets = {**a_secret_environment(), "DATABASE_URL": database, "HOST": "127.0.0.1"}
    secrets |= {"PORT": "0", "AI_GATEWAY_UNREADY_SECONDS": "0"}
    with ExitStack() as stack:
        for number in range(STARTED):  # all at once: only the last is waited for before the first is asked
            process, _ = launch(tmp_path / f"early-{number}", secrets, ("serve",))
            stack.callback(end, process)
        with serving_gateway(tmp_path / "late", secrets) as gateway:
            move_in(gateway)
            assert gateway.chat("up/gpt-4").status == 200
    with psycopg.connect(database) as connection:
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        peppers = connection.execute("SELECT name, count(*) FROM instance_keys GROUP BY name").fetchall()
    assert len(versions) == 1
    assert sorted(count for _, count in peppers) == [1, 1]
