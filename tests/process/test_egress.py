"""A tenant's URL cannot make the gateway call its own machine or network, however the address is written.

The judge is a socket that listens there: it must never be connected to.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from process.provider import COMPLETION, a_provider, answering
from support.gateway import Gateway, move_in, serving_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving_gateway(tmp_path_factory.mktemp("egress") / "data") as serving:
        move_in(serving)
        yield serving


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "user:password@127.0.0.1",
        "127.0.0.1%00.example.com",
        "①②⑦.⓪.⓪.①",
        socket.gethostname(),
    ],
)
def test_this_machine_is_never_connected_to(gateway: Gateway, host: str) -> None:
    with a_provider(answering(200, COMPLETION)) as provider:
        config = {"name": "inside", "provider": "openai", "api_key": "sk-tenant-0001", "models": ["inside-1"]}
        made = gateway.admin("POST", "/providers", {**config, "endpoint_url": f"http://{host}:{provider.port}/v1"})
        if made.status == 201:  # a name is only judged when it is resolved
            answer = gateway.chat("inside-1")
            assert answer.status == 502
            assert answer.json["error"]["code"] in ("egress_denied", "provider_unreachable")
            assert gateway.admin("POST", "/providers/inside/test").json["ok"] is False
            assert gateway.admin("DELETE", "/providers/inside").status == 200
        else:
            assert made.status == 422
            assert made.json["error"]["param"] == "endpoint_url"
        assert provider.accepted == 0


def test_a_config_cannot_be_moved_inside_later(gateway: Gateway) -> None:
    with a_provider(answering(200, COMPLETION)) as provider:
        gateway.create(
            "/providers", {"name": "out", "provider": "openai_compatible", "endpoint_url": "https://llm.example.com/v1"}
        )
        moved = gateway.admin("PATCH", "/providers/out", {"endpoint_url": provider.url})
        assert moved.status == 422
        assert provider.accepted == 0


def test_an_operator_can_open_a_network_and_the_tenants_key_arrives_there(
    tmp_path: Path,
) -> None:
    opened = {"AI_GATEWAY_EGRESS_ALLOW": "127.0.0.0/8"}
    with (
        a_provider(answering(200, COMPLETION)) as provider,
        serving_gateway(tmp_path / "data", opened) as gateway,
    ):
        move_in(gateway)
        config = {"provider": "openai", "api_key": "sk-tenant-0001", "endpoint_url": provider.url}
        gateway.create("/providers", {"name": "inside", **config})
        answer = gateway.chat("inside/m")
        assert (answer.status, answer.json) == (200, COMPLETION)
        [(head, _)] = provider.asked
        assert "authorization: bearer sk-tenant-0001" in head.lower()
        assert gateway.key not in head
