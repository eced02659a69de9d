"""A13 over real sockets: a thousand posts with one Idempotency-Key, and a process that dies while one runs."""

import signal
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

from process.provider import COMPLETION, Provider, a_provider, answering, silent
from support.gateway import Gateway, Reply, a_secret_environment, move_in, running_gateway, serving_gateway, until

POSTS = 1_000
WORKERS = 100
BODY = {"model": "once/m", "messages": [{"role": "user", "content": "hi"}]}


def connect(gateway: Gateway, provider: Provider) -> None:
    url = provider.url
    gateway.create("/providers", {"name": "once", "provider": "openai_compatible", "endpoint_url": url})


def headers(gateway: Gateway) -> Mapping[str, str]:
    return {"authorization": f"Bearer {gateway.key}", "idempotency-key": "order-4711"}


def posts_to(provider: Provider) -> int:
    """Without the free health checks, which are GETs."""
    return sum(head.startswith("POST ") for head, _ in provider.asked)


def insist(gateway: Gateway, told: Counter[int]) -> Reply:
    """As SDKs do: again after 409 and 503."""

    def post() -> Reply | None:
        reply = gateway.request("POST", "/v1/chat/completions", BODY, headers(gateway))
        told[reply.status] += 1
        return None if reply.status in (409, 503) else reply

    return until(post, "an answer")


def test_a_thousand_posts_over_two_processes_are_one_call_one_row_and_one_reply(tmp_path: Path, database: str) -> None:
    both = {**a_secret_environment(), "DATABASE_URL": database, "AI_GATEWAY_EGRESS_ALLOW": "127.0.0.0/8"}
    with (
        a_provider(answering(200, COMPLETION)) as provider,
        serving_gateway(tmp_path / "a", both) as one,
        serving_gateway(tmp_path / "b", both) as other,
    ):
        move_in(one)
        connect(one, provider)
        other.tenant_id, other.key = one.tenant_id, one.key
        until(lambda: other.chat("once/warm").status == 200, "the config in the other process")
        before = posts_to(provider)
        told: Counter[int] = Counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            replies = list(pool.map(lambda number: insist((one, other)[number % 2], told), range(POSTS)))
        assert len({reply.body for reply in replies}) == 1
        assert Counter(reply.status for reply in replies) == {200: POSTS}
        assert posts_to(provider) == before + 1
        ran = [reply for reply in replies if "idempotent-replayed" not in reply.headers]
        assert len(ran) == 1
        replayed = {reply.headers["x-gateway-replay-of"] for reply in replies if reply is not ran[0]}
        assert replayed == {ran[0].headers["x-request-id"]}
        one.settled(ran[0].headers["x-request-id"])
        assert len(one.ledger(model="m")) == 1
        print(f"\n{POSTS} posts, statuses {dict(told)}")


def test_after_a_kill_the_key_is_free_and_the_next_reply_names_what_was_begun(tmp_path: Path) -> None:
    with a_provider(silent) as provider, running_gateway(tmp_path / "data") as gateway:
        connect(gateway, provider)
        over = Event()

        def post() -> None:
            try:
                gateway.request("POST", "/v1/chat/completions", BODY, headers(gateway))
            except OSError:
                over.set()

        caller = Thread(target=post)
        caller.start()
        until(lambda: posts_to(provider), "the request at the provider")
        gateway.signal(signal.SIGKILL)
        gateway.wait()
        caller.join()
        assert over.is_set()
    with a_provider(answering(200, COMPLETION)) as provider, running_gateway(tmp_path / "data") as gateway:
        assert gateway.admin("PATCH", "/providers/once", {"endpoint_url": provider.url}).status == 200
        (orphan,) = gateway.ledger(outcome="orphan")
        told: Counter[int] = Counter()
        reply = insist(gateway, told)
        assert (reply.status, told) == (200, {200: 1}), "nobody waits for who is known to be gone"
        assert reply.headers["x-gateway-rerun-of"] == orphan["request_id"]
        assert insist(gateway, told).headers["x-gateway-replay-of"] == reply.headers["x-request-id"]
    with running_gateway(tmp_path / "data") as gateway:
        assert insist(gateway, Counter()).body == reply.body, "a reply outlives the process"
