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
PATIENCE_SECONDS = 230  # below the limit of a test, so that what it said is shown
PERSON = {"name": "example", "age": 1}

_MODELS = [{"model": "gpt-4"}, {"model": "behind-anthropic"}]
_DIALECTS = [
    {"dialect": "openai", "model": "gpt-4"},
    {"dialect": "openai", "model": "behind-anthropic"},
    {"dialect": "anthropic", "model": "behind-anthropic"},
    {"dialect": "anthropic", "model": "behind-openai"},
]
SCENES: dict[str, list[dict[str, str]]] = {
    "with_langchain.py": _MODELS,
    "with_pydantic_ai.py": _DIALECTS,
    "with_openai_agents.py": [{"api": api, **model} for api in ("chat", "responses") for model in _MODELS],
    "with_instructor.py": _MODELS,
    "with_ai_sdk.mjs": _DIALECTS,
}


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


class Programs:
    """What every scene came to. A program plays all of its scenes in one process: what these libraries cost is their
    import, many seconds of it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._said: dict[str, list[Any]] = {}

    def said(self, program: str, scene: dict[str, str]) -> Any:
        if program not in self._said:
            self._said[program] = play(program, self._gateway)
        said = self._said[program][SCENES[program].index(scene)]
        assert "failed" not in said, said["failed"]
        return said


@pytest.fixture(scope="module")
def programs(gateway: Gateway) -> Programs:
    return Programs(gateway)


def scenes_of(program: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scene", SCENES[program], ids=lambda scene: "-".join(scene.values()))


def play(program: str, gateway: Gateway) -> list[Any]:
    command, home = command_of(program)
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    told = {"GATEWAY_URL": gateway.url, "GATEWAY_KEY": DEMO_KEY, "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(
        command,
        input=(PROGRAMS / program).read_bytes(),
        cwd=home,
        env={**environment, **told, "SCENES": json.dumps(SCENES[program])},
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()[-4000:]
    said = json.loads(ended.stdout.decode().strip().splitlines()[-1])
    assert len(said) == len(SCENES[program])
    return said


def expect_conversation(said: Any) -> None:
    """A whole answer, the same one streamed, its price in tokens, a tool that was called and answered."""
    assert "mock provider" in said["whole"]
    assert said["streamed"] == said["whole"]
    assert said["pieces"] > 10
    assert said["usage"] > 100
    assert "mock provider" in said["answered"]


@scenes_of("with_langchain.py")
def test_langchain(programs: Programs, scene: dict[str, str]) -> None:
    said = programs.said("with_langchain.py", scene)
    expect_conversation(said)
    assert said["streamed_usage"] == said["usage"]
    assert said["call"] == said["call_streamed"] == ["get_weather", ["city"]]
    assert said["form"] == said["schema"] == PERSON
    assert "NotFoundError" in said["raised"]


@scenes_of("with_pydantic_ai.py")
def test_pydantic_ai(programs: Programs, scene: dict[str, str]) -> None:
    said = programs.said("with_pydantic_ai.py", scene)
    expect_conversation(said)
    assert said["cities"] == ["example"]
    assert said["form"] == PERSON


@scenes_of("with_openai_agents.py")
def test_openai_agents(programs: Programs, scene: dict[str, str]) -> None:
    said = programs.said("with_openai_agents.py", scene)
    expect_conversation(said)
    assert said["cities"] == ["example"]
    assert said["form"] == PERSON


@scenes_of("with_instructor.py")
def test_instructor(programs: Programs, scene: dict[str, str]) -> None:
    said = programs.said("with_instructor.py", scene)
    assert said == {"form": PERSON, "schema": PERSON, "partial": PERSON}


@scenes_of("with_ai_sdk.mjs")
def test_the_ai_sdk_of_npm(programs: Programs, scene: dict[str, str]) -> None:
    said = programs.said("with_ai_sdk.mjs", scene)
    expect_conversation(said)
    assert said["streamed_usage"] == said["usage"]
    assert "mock provider" in said["answered_streamed"]
    assert said["cities"] == ["example", "example"]
    assert said["form"] == PERSON
    assert said["raised"] == ["AI_APICallError", 404]
