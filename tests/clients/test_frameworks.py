"""Applications that people build on frameworks, each in an environment of its own, with nothing changed but the
address, the key and the model's name: in front of a provider of the dialect they speak, and of one they do not.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.gateway import DEMO_KEY, INHERITED, Gateway

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_SECONDS = 200
PERSON = {"name": "example", "age": 1}


def command_of(program: str) -> tuple[list[str], Path]:
    """How a program is started, and where. Skips where its libraries are not installed; in CI that fails."""
    home = ROOT / ".clients" / ("node" if program.endswith(".mjs") else _environment_of(program))
    if not (home / "installed.lock").exists():
        assert not os.environ.get("CI"), f"{home.name}: run scripts/install_clients.sh"
        pytest.skip(f"the client libraries of {program} are not installed (scripts/install_clients.sh)")
    if program.endswith(".mjs"):
        node = shutil.which("node")
        assert node is not None
        return [node, "--input-type=module"], home
    return [str(home / "bin" / "python"), "-"], home


def _environment_of(program: str) -> str:
    return "instructor" if program == "with_instructor.py" else "frameworks"


def run(program: str, gateway: Gateway, **variables: str) -> Any:
    command, home = command_of(program)
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    told = {"GATEWAY_URL": gateway.url, "GATEWAY_KEY": DEMO_KEY, "PYTHONWARNINGS": "ignore", **variables}
    ended = subprocess.run(
        command,
        input=(PROGRAMS / program).read_bytes(),
        cwd=home,
        env={**environment, **told},
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()[-4000:]
    return json.loads(ended.stdout.decode().strip().splitlines()[-1])


def expect_conversation(said: Any) -> None:
    """A whole answer, the same one streamed, its price in tokens, a tool that was called and answered."""
    assert "mock provider" in said["whole"]
    assert said["streamed"] == said["whole"]
    assert said["pieces"] > 10
    assert said["usage"] > 100
    assert "mock provider" in said["answered"]


@pytest.mark.parametrize("model", ["gpt-4", "behind-anthropic"])
def test_langchain(gateway: Gateway, model: str) -> None:
    said = run("with_langchain.py", gateway, MODEL=model)
    expect_conversation(said)
    assert said["streamed_usage"] == said["usage"]
    assert said["call"] == said["call_streamed"] == ["get_weather", ["city"]]
    assert said["form"] == said["schema"] == PERSON
    assert "NotFoundError" in said["raised"]


@pytest.mark.parametrize(
    ("dialect", "model"),
    [
        ("openai", "gpt-4"),
        ("openai", "behind-anthropic"),
        ("anthropic", "behind-anthropic"),
        ("anthropic", "behind-openai"),
    ],
)
def test_pydantic_ai(gateway: Gateway, dialect: str, model: str) -> None:
    said = run("with_pydantic_ai.py", gateway, MODEL=model, DIALECT=dialect)
    expect_conversation(said)
    assert said["cities"] == ["example"]
    assert said["form"] == PERSON


@pytest.mark.parametrize("model", ["gpt-4", "behind-anthropic"])
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_openai_agents(gateway: Gateway, api: str, model: str) -> None:
    said = run("with_openai_agents.py", gateway, MODEL=model, API=api)
    expect_conversation(said)
    assert said["cities"] == ["example"]
    assert said["form"] == PERSON


@pytest.mark.parametrize("model", ["gpt-4", "behind-anthropic"])
def test_instructor(gateway: Gateway, model: str) -> None:
    said = run("with_instructor.py", gateway, MODEL=model)
    assert said == {"form": PERSON, "schema": PERSON, "partial": PERSON}


@pytest.mark.parametrize(
    ("dialect", "model"),
    [
        ("openai", "gpt-4"),
        ("openai", "behind-anthropic"),
        ("anthropic", "behind-anthropic"),
        ("anthropic", "behind-openai"),
    ],
)
def test_the_ai_sdk_of_npm(gateway: Gateway, dialect: str, model: str) -> None:
    said = run("with_ai_sdk.mjs", gateway, MODEL=model, DIALECT=dialect)
    expect_conversation(said)
    assert said["streamed_usage"] == said["usage"]
    assert "mock provider" in said["answered_streamed"]
    assert said["cities"] == ["example", "example"]
    assert said["form"] == PERSON
    assert said["raised"] == ["AI_APICallError", 404]
