"""A caller who leaves costs nothing more: the provider's connection is closed, and what was used is booked."""

import pytest

from process.provider import Provider, a_provider, dripping, silent
from process.streams import Stream, a_stream, send
from support.gateway import Gateway, until

SECONDS = 10.0


def connect(gateway: Gateway, provider: Provider, kind: str = "openai_compatible") -> None:
    gateway.create("/providers", {"name": "held", "provider": kind, "endpoint_url": provider.url})


def test_leaving_a_stream_closes_the_providers_connection_and_books_it(fresh: Gateway) -> None:
    with a_provider(dripping) as provider:
        connect(fresh, provider)
        with a_stream(fresh, "held/m") as stream:
            stream.read_until(b"drip")
        assert provider.hung_up.wait(SECONDS)
        [row] = fresh.settled(stream.request_id)
        assert (row["outcome"], row["estimated"]) == ("cancelled", True)
        assert row["output_tokens"] > 0


@pytest.mark.parametrize("more", [{}, {"stream": True}], ids=["whole", "streamed"])
def test_leaving_before_the_answer_begins_closes_it_too(fresh: Gateway, more: dict[str, bool]) -> None:
    with a_provider(silent) as provider:
        connect(fresh, provider)
        body = {"model": "held/m", "messages": [{"role": "user", "content": "hi"}], **more}
        stream = Stream(send(fresh, "/v1/chat/completions", body))
        until(lambda: provider.asked, "the request at the provider")
        stream.leave()
        assert provider.hung_up.wait(SECONDS)
        [row] = until(fresh.ledger, "a ledger row")
        assert row["outcome"] == "cancelled"


def test_one_who_leaves_does_not_disturb_the_others(fresh: Gateway) -> None:
    with a_provider(dripping) as provider:
        connect(fresh, provider)
        with a_stream(fresh, "held/m") as staying:
            for _ in range(5):
                with a_stream(fresh, "held/m"):
                    pass
            seen = len(staying.seen)
            staying.read_until(b"drip")
            until(lambda: len(fresh.ledger(outcome="cancelled")) == 5, "five rows of those who left")
            staying.seen = b""
            assert len(staying.read_until(b"drip")) > 0 < seen
    assert "Traceback" not in fresh.said()
