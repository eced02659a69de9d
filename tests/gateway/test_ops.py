import pytest

from ai_gateway.gateway.ops import PATHS, Ops, OpsDoors
from support.line import ask


def ops(missing: dict[str, str] | None = None, token: bytes | None = None) -> Ops:
    async def readiness() -> dict[str, str]:
        return missing or {}

    return Ops(
        OpsDoors(
            readiness=readiness,
            metrics=lambda: b"ai_gateway_up 1\n",
            may_scrape=None if token is None else lambda offered: offered == token,
            version="1.2.3",
        )
    )


async def test_being_alive_is_one_word() -> None:
    answered = await ask(ops({"store": "unavailable"}), "GET", "/healthz")
    assert (answered.status, answered.body) == (200, b"ok\n")


async def test_being_ready_says_what_is_missing() -> None:
    ready = await ask(ops(), "GET", "/readyz")
    assert (ready.status, ready.json()) == (200, {"status": "ready", "missing": {}})
    not_ready = await ask(ops({"store": "unavailable"}), "GET", "/readyz")
    assert (not_ready.status, not_ready.json()) == (503, {"status": "not ready", "missing": {"store": "unavailable"}})


async def test_the_root_says_what_this_is() -> None:
    answered = await ask(ops(), "GET", "/")
    assert (answered.status, answered.json()["name"], answered.json()["version"]) == (200, "AI Gateway", "1.2.3")


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_head_is_get_without_the_body(path: str) -> None:
    asked, said = await ask(ops(), "HEAD", path), await ask(ops(), "GET", path)
    assert (asked.status, asked.headers, asked.body) == (said.status, said.headers, b"")


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_nothing_here_takes_a_body(path: str) -> None:
    answered = await ask(ops(), "POST", path)
    assert (answered.status, answered.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"authorization": "Bearer wrong"}, 401), ({"authorization": "Bearer right"}, 200)],
)
async def test_metrics_may_need_a_token(headers: dict[str, str], status: int) -> None:
    answered = await ask(ops(token=b"Bearer right"), "GET", "/metrics", headers)
    assert answered.status == status
    assert (b"ai_gateway_up" in answered.body) == (status == 200)


async def test_metrics_are_prometheus_text() -> None:
    answered = await ask(ops(), "GET", "/metrics")
    assert answered.headers["content-type"].startswith("text/plain; version=")
