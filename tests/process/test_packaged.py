"""The wheel in a clean environment with run-time dependencies only, built and installed by the steps of the Dockerfile:
no engine builds the image here, so what it would run is run outside it."""

import json
import os
import re
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns
from threading import Thread
from urllib.request import Request, urlopen

import pytest
import yaml

import ai_gateway
from ai_gateway.settings import SETTINGS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STEPS = re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()
UV = Path(sys.executable).parent / "uv"

pytestmark = pytest.mark.timeout(300)


def steps(instruction: str) -> list[str]:
    return [line.removeprefix(instruction).strip() for line in STEPS if line.startswith(f"{instruction} ")]


def copied() -> list[str]:
    """What the build stage copies out of the repository."""
    lines = [line.split()[:-1] for line in steps("COPY") if not line.startswith("--from")]
    return [source.rstrip("/") for line in lines for source in line]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build context: what is copied and nothing else."""
    folder = tmp_path_factory.mktemp("context")
    for name in copied():
        source = ROOT / name
        if source.is_dir():
            copytree(source, folder / name, ignore=ignore_patterns("__pycache__"))
        else:
            copy2(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def installed(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment into which the wheel was installed."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    uv(context, "pip", "install", "--python", python, "--require-hashes", "-r", "requirements/runtime.lock")
    uv(
        context,
        "build",
        "--wheel",
        "--offline",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        "dist",
        ".",
    )
    (wheel,) = (context / "dist").glob("*.whl")
    uv(context, "pip", "install", "--offline", "--no-deps", "--python", python, wheel)
    return home / "bin"


def uv(folder: Path, *arguments: str | Path) -> None:
    done = subprocess.run([UV, "--quiet", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def clean_environment(installed: Path, **more: str) -> dict[str, str]:
    """Nothing of the repository, not even its path, is in reach."""
    return {"PATH": f"{installed}:/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb", **more}


def run(installed: Path, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed / "ai-gateway", *arguments],
        cwd=folder,
        env=clean_environment(installed, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_and_version_answer(installed: Path, tmp_path: Path) -> None:
    assert "doctor" in run(installed, tmp_path, "--help").stdout
    assert json.loads(run(installed, tmp_path, "version", "--json").stdout)["version"] == ai_gateway.__version__
    module = [installed / "python", "-m", "ai_gateway.cli", "version"]
    shown = subprocess.run(
        module, cwd=tmp_path, env=clean_environment(installed), capture_output=True, text=True, check=True
    )
    assert ai_gateway.__version__ in shown.stdout


def test_it_is_the_wheel_that_runs_and_test_dependencies_are_not_there(installed: Path, tmp_path: Path) -> None:
    code = (
        "import ai_gateway, importlib.util as u; print(ai_gateway.__file__);"
        "print([name for name in ('pytest', 'hypothesis', 'openai', 'pip', 'hatchling') if u.find_spec(name)])"
    )
    python = [installed / "python", "-c", code]
    shown = subprocess.run(
        python, cwd=tmp_path, env=clean_environment(installed), capture_output=True, text=True, check=True
    )
    place, extra = shown.stdout.splitlines()
    assert Path(place).is_relative_to(installed.parent)
    assert extra == "[]"


def test_the_doctor_finds_a_clean_machine_healthy(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "doctor", "--json", PORT="0", AI_GATEWAY_URL="http://127.0.0.1:1")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True), done.stdout


def test_migrations_travel_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "migrate").returncode == 0
    assert run(installed, tmp_path, "migrate", "--check").returncode == 0


def test_the_images_command_refuses_to_start_without_secrets(installed: Path, tmp_path: Path) -> None:
    (command,) = [json.loads(text) for text in steps("CMD")]
    assert command == ["ai-gateway", "serve"]
    done = run(installed, tmp_path, *command[1:], **image_environment(tmp_path))
    assert done.returncode == 3
    assert "AI_GATEWAY_ENCRYPTION_KEY is not set" in done.stderr


def test_the_images_command_serves_is_healthy_and_ends_with_0(installed: Path, tmp_path: Path) -> None:
    environment = {
        **image_environment(tmp_path),
        "AI_GATEWAY_ENCRYPTION_KEY": os.urandom(32).hex(),
        "AI_GATEWAY_ADMIN_TOKEN": os.urandom(24).hex(),
        "AI_GATEWAY_UNREADY_SECONDS": "0",
        "HOST": "127.0.0.1",
        "PORT": free_port(),
    }
    with started(installed, tmp_path, environment) as process:
        await_health(process, environment["PORT"])
        assert probe(environment["PORT"]) == 0
        tenants = Request(
            f"http://127.0.0.1:{environment['PORT']}/api/v1/admin/tenants",
            headers={"authorization": f"Bearer {environment['AI_GATEWAY_ADMIN_TOKEN']}"},
        )
        with urlopen(tenants, timeout=30) as reply:
            assert json.load(reply)["has_more"] is False
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert probe(environment["PORT"]) != 0


def test_what_the_image_is_built_from_is_there_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    assert set(copied()) == allowed
    locks = set(re.findall(r"requirements/[a-z]+\.lock", DOCKERFILE))
    assert [lock for lock in locks if not (ROOT / lock).is_file()] == []


def test_the_image_runs_as_nobody_in_particular_and_is_stopped_gently() -> None:
    assert steps("USER") == ["gateway"]
    assert steps("STOPSIGNAL") == ["SIGTERM"]
    assert DOCKERFILE.rindex("\nUSER ") < DOCKERFILE.rindex("\nCMD ")
    assert "--require-hashes" in DOCKERFILE
    assert not [line for line in steps("FROM")[1:] if " AS " in line]


def test_the_health_check_follows_the_status() -> None:
    statuses = iter((200, 503))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/healthz"
            self.send_response(next(statuses))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        assert probe(str(server.server_port)) == 0
        assert probe(str(server.server_port)) != 0
        thread.join()


def image_environment(folder: Path) -> dict[str, str]:
    """The ENV of the image, its data folder put where the test may write."""
    (line,) = steps("ENV")
    pairs = dict(pair.split("=", 1) for pair in line.split() if not pair.startswith("PATH="))
    assert pairs["AI_GATEWAY_DATA_DIR"] == "/data"
    return {**pairs, "AI_GATEWAY_DATA_DIR": str(folder / "data")}


def probe(port: str) -> int:
    """The image's own HEALTHCHECK, run by this Python."""
    (line,) = [line for line in STEPS if line.startswith("HEALTHCHECK")]
    command = json.loads(line.partition("CMD ")[2])
    assert command[0] == "python"
    return subprocess.run(
        [sys.executable, *command[1:]], env={"PORT": port}, capture_output=True, check=False
    ).returncode


def free_port() -> str:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return str(server.server_port)


@contextmanager
def started(installed: Path, folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The gateway as a process of its own, which is gone when the block ends."""
    everything = clean_environment(installed, **environment)
    process = subprocess.Popen([installed / "ai-gateway", "serve"], cwd=folder, env=everything)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def await_health(process: subprocess.Popen[bytes], port: str) -> None:
    """Asks until it answers or has ended; the test's own time limit bounds it."""
    while probe(port) != 0:
        assert process.poll() is None, "the gateway ended"


def test_the_compose_file_asks_for_secrets_and_sets_only_what_the_gateway_reads() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    environment = services["gateway"]["environment"]
    assert set(environment) <= {setting.name for setting in SETTINGS}
    required = {name for name, value in environment.items() if ":?" in value}
    assert required == {"DATABASE_URL", "AI_GATEWAY_ENCRYPTION_KEY", "AI_GATEWAY_ADMIN_TOKEN"}
    assert ":?" in services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert services["gateway"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "healthcheck" in services["postgres"]


def test_compose_waits_longer_than_the_gateway_drains() -> None:
    gateway = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["gateway"]
    serve = {setting.name: setting.serve for setting in SETTINGS}
    needed = int(serve["AI_GATEWAY_DRAIN_SECONDS"]) + int(serve["AI_GATEWAY_UNREADY_SECONDS"])
    assert int(gateway["stop_grace_period"].removesuffix("s")) > needed
