"""The procedures of the operations page that need a start between their steps, done as the page says."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from docs.pages import DOCS, prose
from support.gateway import INHERITED, SOURCE, a_secret_environment, end, launch, move_in, serving_gateway, until

PAGE = DOCS / "operations.md"


def ai_gateway(folder: Path, environment: Mapping[str, str], *words: str) -> str:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "ai_gateway.cli", *words],
        env={**inherited, "PYTHONPATH": str(SOURCE), "AI_GATEWAY_DATA_DIR": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_rotation_of_the_master_key_as_described_invalidates_nothing(tmp_path: Path):
    old, new = a_secret_environment(), a_secret_environment()
    both = {**new, "AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS": old["AI_GATEWAY_ENCRYPTION_KEY"]}
    folder = tmp_path / "data"
    with serving_gateway(folder, old) as gateway:
        move_in(gateway)
        sealed = {"name": "sealed", "provider": "openai", "endpoint_url": "mock://openai", "api_key": "sk-0123456789"}
        gateway.create("/providers", sealed)
        key = gateway.key
        assert gateway.chat("sealed/gpt-4o").status == 200

    with serving_gateway(folder, both) as gateway:
        assert gateway.chat("sealed/gpt-4o", key=key).status == 200
        assert "Sealed anew: 3." in ai_gateway(folder, both, "keys", "rotate-master")  # the secret and two peppers
        assert gateway.chat("sealed/gpt-4o", key=key).status == 200

    with serving_gateway(folder, new) as gateway:
        assert gateway.chat("sealed/gpt-4o", key=key).status == 200

    process, output = launch(folder, {**old, "PORT": "0"}, ("serve",))
    try:
        assert process.wait(60) == 1
        assert quoted("was sealed under another encryption key") in output.read_text()
    finally:
        end(process)


def test_a_backup_restored_as_described_has_everything(tmp_path: Path):
    secrets = a_secret_environment()
    folder, copy = tmp_path / "data", tmp_path / "copy"
    with serving_gateway(folder, secrets) as gateway:
        move_in(gateway)
        key = gateway.key
        ai_gateway(folder, secrets, "backup", str(tmp_path / "nightly"))
    copy.mkdir()
    ai_gateway(copy, secrets, "restore", str(tmp_path / "nightly"))
    with serving_gateway(copy, secrets) as gateway:
        assert gateway.chat("up/gpt-4o", key=key).status == 200


def test_a_stop_is_told_to_the_balancer_before_the_listener_closes(tmp_path: Path):
    with serving_gateway(tmp_path / "data", {"AI_GATEWAY_UNREADY_SECONDS": "1"}) as gateway:
        gateway.signal(signal.SIGTERM)
        answer = until(lambda: told(gateway.request("GET", "/readyz")), "a readiness of 503")
        assert answer == {"status": "not ready", "missing": {"process": "draining"}}
        assert gateway.wait() == 0
        assert "stopped" in gateway.said()


def told(reply: object) -> object:
    return getattr(reply, "json", None) if getattr(reply, "status", 0) == 503 else None


def test_migrations_go_down_and_up_again(tmp_path: Path):
    (tmp_path / "data").mkdir()
    for words in (("migrate",), ("migrate", "--to", "base"), ("migrate",)):
        ai_gateway(tmp_path / "data", {}, *words)
    assert "The schema is at" in ai_gateway(tmp_path / "data", {}, "migrate", "--check")


def quoted(message: str) -> str:
    """A message that the page quotes: both it and the gateway must keep the wording."""
    assert message in "\n".join(prose(PAGE)), message
    return message
