"""The peers, each on one core with one worker, doing the least they can do: pass a chat request to the same provider.

nginx is the floor of this kernel, not a gateway. Portkey and LiteLLM run without keys, limits, logs or a database, so
what they are compared with is our bare caller; the governed one does more than they do.
"""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.plan import Target
from benchmarks.processes import GATEWAY_CORE, WORK, Running, clean_environment, fetch, free_port
from benchmarks.wire import chat_body

LITELLM: Final = WORK / "litellm" / "bin" / "litellm"
PORTKEY: Final = WORK / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


class NotInstalled(Exception):
    """With the line that installs it."""


class Peer(msgspec.Struct, frozen=True):
    name: str
    pid: int
    target: Target


def start_nginx(stack: ExitStack, folder: Path, upstream_port: int) -> tuple[Peer, Peer]:
    """Two listeners of one worker: whole answers, and streams (unbuffered). Raises NotInstalled."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise NotInstalled("nginx is not installed (Debian: apt-get install nginx-light)")
    unary, streamed = free_port(), free_port()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        NGINX.format(user=user, folder=folder, upstream=upstream_port, unary=unary, streamed=streamed)
    )
    command = [program, "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    running = Running(command, GATEWAY_CORE, clean_environment(), folder)
    stack.callback(running.stop)
    running.await_answer(unary, "/alive", 10)
    return Peer("nginx", running.pid, Target(unary, {})), Peer("nginx", running.pid, Target(streamed, {}))


def start_litellm(stack: ExitStack, folder: Path, upstream_port: int) -> Peer:
    """Raises NotInstalled."""
    if not LITELLM.exists():
        raise NotInstalled("LiteLLM is not installed: `make bench` does it")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(LITELLM_CONFIG.format(upstream=upstream_port))
    port = free_port()
    command = [str(LITELLM), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = clean_environment(
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_TELEMETRY="False",
        LITELLM_LOG="ERROR",
        LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY="true",  # on loopback, with nothing behind it
        LITELLM_MODE="PRODUCTION",
        NO_DOCS="True",
        PYTHONDONTWRITEBYTECODE="",
    )
    running = Running([*command, "--num_workers", "1", "--telemetry", "False"], GATEWAY_CORE, environment, folder)
    stack.callback(running.stop)
    running.await_answer(port, "/health/liveliness", 120)
    return Peer("LiteLLM", running.pid, Target(port, {"authorization": "Bearer sk-nobody"}))


def start_portkey(stack: ExitStack, folder: Path, upstream_port: int) -> Peer:
    """Raises NotInstalled."""
    node = shutil.which("node")
    if node is None or not PORTKEY.exists():
        raise NotInstalled("Portkey is not installed: `make bench` does it where Node is")
    port = free_port()
    environment = clean_environment(TRUSTED_CUSTOM_HOSTS="127.0.0.1,localhost", NODE_ENV="production")
    running = Running([node, str(PORTKEY), f"--port={port}", "--headless"], GATEWAY_CORE, environment, folder)
    stack.callback(running.stop)
    running.await_answer(port, "/", 30)
    headers = {
        "authorization": "Bearer sk-nobody",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/v1",
    }
    return Peer("Portkey", running.pid, Target(port, headers))


def versions() -> dict[str, str]:
    """Of what is installed."""
    found: dict[str, str] = {}
    for package in (WORK / "litellm").glob("lib/python3*/site-packages/litellm-*.dist-info"):
        found["LiteLLM"] = package.name.split("-")[1].removesuffix(".dist")
    manifest = PORTKEY.parent.parent / "package.json"
    if manifest.exists():
        found["Portkey"] = msgspec.json.decode(manifest.read_bytes())["version"]
    return found


def answers(target: Target) -> bool:
    """Whether it serves a chat request at all: what a peer that starts slowly is asked until it does."""
    body = chat_body(target.model, 60, streamed=False)
    return fetch(target.port, "POST", target.path, body, target.headers)[0] == 200


NGINX: Final = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 1h;
    upstream provider {{
        server 127.0.0.1:{upstream};
        keepalive 8192;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen 127.0.0.1:{unary} backlog=8192;
        location = /alive {{ return 200; }}
        location / {{ proxy_pass http://provider; }}
    }}
    server {{
        listen 127.0.0.1:{streamed} backlog=8192;
        location / {{ proxy_pass http://provider; proxy_buffering off; }}
    }}
}}
"""

LITELLM_CONFIG: Final = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: sk-of-the-benchmark
litellm_settings:
  telemetry: false
  num_retries: 0
general_settings:
  disable_spend_logs: true
"""
