"""Runs a block of a document against a gateway, as a reader would paste it, and holds it to its comments."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from docs.pages import HERE, Block
from support.gateway import SOURCE, Gateway

STATUS_LINE = "-> "
CURLRC = f'write-out = "%{{stderr}}{STATUS_LINE}%{{http_code}}\\n"\nmax-time = 20\n'
FAKE_PROVIDER_KEY = "sk-not-a-key-0123456789"


@contextmanager
def a_readers_place(folder: Path) -> Iterator[Mapping[str, str]]:
    """A working directory with `ai-gateway` on the path, and a curl that says each status on standard error."""
    tools = folder / "bin"
    tools.mkdir(parents=True)
    command = tools / "ai-gateway"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ai_gateway.cli "$@"\n')
    command.chmod(0o755)
    (folder / ".curlrc").write_text(CURLRC)
    yield {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "CURL_HOME": str(folder),
        "PYTHONPATH": str(SOURCE),
        "OPENAI_API_KEY": FAKE_PROVIDER_KEY,
        "NO_COLOR": "1",
    }


def run(block: Block, gateway: Gateway, folder: Path, environment: Mapping[str, str]) -> None:
    text = block.text.replace(HERE, gateway.url)
    command = [sys.executable, "-W", "ignore", "-c", text] if block.language == "python" else ["bash", "-euc", text]
    own = {"AI_GATEWAY_URL": gateway.url, "PORT": str(gateway.port), "AI_GATEWAY_DATA_DIR": str(gateway.data_dir)}
    done = subprocess.run(
        command, cwd=folder, env={**environment, **own}, capture_output=True, text=True, timeout=60, check=False
    )
    hold(block, done.returncode, done.stdout, done.stderr)


def hold(block: Block, code: int, out: str, err: str) -> None:
    """Fails where the block did not do what it says."""
    assert code == 0, f"{block.name} ended with {code}:\n{err}\n{out}"
    statuses = [line.removeprefix(STATUS_LINE) for line in err.splitlines() if line.startswith(STATUS_LINE)]
    assert statuses == block.statuses, f"{block.name} was answered {statuses}:\n{out}"
    place = 0
    for part in block.printed:
        found = out.find(part, place)
        assert found >= 0, f"{block.name} did not print {part!r} here:\n{out[place:]}"
        place = found + len(part)
