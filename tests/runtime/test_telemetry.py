from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.decisions import Step, What
from ai_gateway.domain.faults import NotFound, RateLimited
from ai_gateway.domain.traffic import Outcome
from ai_gateway.runtime.telemetry import BUCKETS, MOST_FRESH, Ended, Kind, Labels, Note, Telemetry, render
from support.builders import a_receipt


def an_end(**changes: Any) -> Ended:
    fields: dict[str, Any] = {"request_id": "req_1", "operation": "chat", "status": 200, "started_wall": 0.0}
    fields |= {"seconds": 0.3, "fault": None, "receipts": (a_receipt(),)}
    return Ended(**fields | changes)


def samples(telemetry: Telemetry, **gauges: float) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(render(telemetry, 7_200, lambda: gauges).decode())
    return {(it.name, tuple(sorted(it.labels.items()))): it.value for family in families for it in family.samples}


def told(telemetry: Telemetry, *ends: Ended) -> Telemetry:
    for end in ends:
        telemetry.began()
        telemetry.ended(end)
    return telemetry


def test_what_happened_can_be_scraped() -> None:
    telemetry = told(
        Telemetry(),
        an_end(),
        an_end(status=429, fault=RateLimited(), receipts=(a_receipt(outcome=Outcome.PROVIDER_ERROR, usage=Usage()),)),
    )
    telemetry.began()
    telemetry.refused(NotFound())
    telemetry.drop("decision")

    seen = samples(telemetry, ai_gateway_open_holds=4)

    assert seen["ai_gateway_requests_total", (("operation", "chat"), ("status", "200"))] == 1
    assert seen["ai_gateway_requests_total", (("operation", "none"), ("status", "404"))] == 1
    assert seen["ai_gateway_faults_total", (("category", "rate_limit"), ("origin", "policy"))] == 1
    assert seen["ai_gateway_attempts_total", (("outcome", "provider_error"), ("provider", "openai"))] == 1
    assert seen["ai_gateway_tokens_total", (("lane", "input"),)] == 12
    assert seen["ai_gateway_tokens_total", (("lane", "output"),)] == 3
    assert seen["ai_gateway_cost_nano_usd_total", ()] == 7_200
    assert seen["ai_gateway_dropped_total", (("what", "decision"),)] == 1
    assert seen["ai_gateway_active_requests", ()] == 1
    assert seen["ai_gateway_open_holds", ()] == 4


def test_an_empty_one_can_be_scraped() -> None:
    assert samples(Telemetry())["ai_gateway_active_requests", ()] == 0


@given(seconds=st.lists(st.floats(0, 1_000), min_size=1, max_size=50))
def test_the_histogram_is_cumulative_and_complete(seconds: list[float]) -> None:
    seen = samples(told(Telemetry(), *(an_end(seconds=it) for it in seconds)))
    counts = {dict(labels)["le"]: value for (name, labels), value in seen.items() if name.endswith("_bucket")}
    for bound in BUCKETS:
        assert counts[str(bound)] == sum(it <= bound for it in seconds)
    assert counts["+Inf"] == seen["ai_gateway_request_seconds_count", (("operation", "chat"),)] == len(seconds)


@given(st.lists(st.sampled_from([0.04, 0.05, 7.0, 301.0]), max_size=30), st.integers(0, 2), st.integers(0, 30))
def test_what_is_fresh_is_counted_once_however_often_it_is_asked_for(
    seconds: list[float], fold: int, asked_after: int
) -> None:
    telemetry = told(Telemetry(), *([an_end(seconds=0.01)] * (fold * MOST_FRESH)))
    for number, it in enumerate(seconds):
        told(telemetry, an_end(seconds=it, status=200 if number % 2 else 500))
        if number == asked_after:
            render(telemetry, 0, dict)
    seen = samples(telemetry)
    labels = ("operation", "chat")
    buckets = {le: seen.get(("ai_gateway_request_seconds_bucket", (("le", le), labels)), 0) for le in ("0.05", "+Inf")}
    whole = fold * MOST_FRESH + len(seconds)
    assert buckets == {"0.05": whole - seconds.count(7.0) - seconds.count(301.0), "+Inf": whole}
    requests = sum(value for (name, _), value in seen.items() if name == "ai_gateway_requests_total")
    assert requests == whole
    total = seen.get(("ai_gateway_request_seconds_sum", (labels,)), 0.0)
    assert total == pytest.approx(0.01 * fold * MOST_FRESH + sum(seconds))


def test_what_is_fresh_is_never_much() -> None:
    telemetry = Telemetry()
    for _ in range(3):
        told(telemetry, *([an_end()] * (MOST_FRESH - 1)))
        assert len(telemetry.seconds["chat"][200].fresh) < MOST_FRESH


def test_no_label_is_a_word_that_a_caller_can_invent() -> None:
    canary = "canary"
    receipt = a_receipt(model=canary, requested_model=canary, endpoint=canary, tenant_id=canary, key_id=canary)
    end = an_end(model=canary, tenant_id=canary, key_id=canary, request_id=canary, receipts=(receipt,))
    assert canary.encode() not in render(told(Telemetry(), end), 0, dict)


def test_what_happened_on_the_way_is_for_listeners_and_no_label() -> None:
    heard: list[Ended] = []
    step = Step(at_ms=0.2, what=What.PASSED_OVER, reason="its breaker is open", endpoint="canary")
    telemetry = told(Telemetry((heard.append,)), an_end(steps=(step,)))
    assert [it.steps for it in heard] == [(step,)]
    assert b"canary" not in render(telemetry, 0, dict)
    assert an_end().steps == ()


def test_every_listener_hears_of_every_end() -> None:
    first: list[Ended] = []
    second: list[Ended] = []
    end = an_end()
    told(Telemetry((first.append, second.append)), end)
    assert first == second == [end]


def test_of_faults_those_hear_who_want_to_hear_of_nothing_else() -> None:
    all_ends: list[Ended] = []
    failed: list[Ended] = []
    ends = an_end(), an_end(status=429, fault=RateLimited()), an_end(status=499)
    told(Telemetry((all_ends.append,), (failed.append,)), *ends)
    assert all_ends == [*ends]
    assert failed == [ends[1]]


KIND = Kind(200, "t1", "fast", None, "up-1", "m", 7)
LABELS: dict[str, Labels] = {
    "openai": ("chat", 200, "openai"),
    "anthropic": ("messages", 200, "anthropic"),
    "groq": ("chat", 200, "groq"),
}


class Taker:
    """Lets so many be noted, each time that it is asked."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: list[str] = []
        self.look: Callable[[], None] = lambda: None

    def ask_before_reading(self, look: Callable[[], None]) -> None:
        self.look = look

    def take(self, notes: Sequence[Note]) -> None:
        self.taken += [note[0] for note in notes]

    def note(self, it: Ended) -> None:
        self.taken.append(it.request_id)


def flown(telemetry: Telemetry, request_id: str, seconds: float, provider: str) -> None:
    """As gateway/flight.py tells it."""
    telemetry.began()
    if len(telemetry.notes) < telemetry.room:
        telemetry.active -= 1
        telemetry.notes.append((request_id, 0.0, seconds, 12, 3, KIND, LABELS[provider]))
    else:
        receipt = a_receipt(provider=ProviderType(provider), usage=Usage(12, 3))
        operation = LABELS[provider][0]
        telemetry.ended(an_end(request_id=request_id, operation=operation, seconds=seconds, receipts=(receipt,)))


ENDS = st.lists(
    st.tuples(st.sampled_from([0.04, 0.2, 7.0, 301.0]), st.sampled_from(sorted(LABELS)), st.sampled_from("fwr")),
    max_size=40,
)


@given(ENDS, st.integers(0, 5))
def test_what_is_noted_is_counted_like_what_is_told_in_full(ends: list[tuple[float, str, str]], most: int) -> None:
    """Flying, walking, and somebody who reads in between."""
    taker, other = Taker(most), Taker(0)
    noting, telling = Telemetry((taker.note,), taker=taker), Telemetry((other.note,))
    for place, (seconds, provider, kind) in enumerate(ends):
        for telemetry in (noting, telling):
            if kind == "f":
                flown(telemetry, f"req_{place}", seconds, provider)
            elif kind == "w":
                told(telemetry, an_end(request_id=f"req_{place}", seconds=seconds))
            else:
                render(telemetry, 0, dict)
        assert len(noting.notes) <= most
    seen, meant = samples(noting), samples(telling)
    assert {name: pytest.approx(value) for name, value in meant.items()} == seen
    assert taker.taken == other.taken


def test_the_taker_can_look_before_he_is_read() -> None:
    taker = Taker(9)
    telemetry = Telemetry((taker.note,), taker=taker)
    flown(telemetry, "req_1", 0.1, "openai")
    assert taker.taken == []
    taker.look()
    taker.look()
    assert taker.taken == ["req_1"]


def test_without_a_taker_everything_is_told_in_full() -> None:
    assert Telemetry().room == 0
    assert Telemetry((lambda _: None,)).room == 0


def test_notes_are_never_many() -> None:
    taker = Taker(10**9)
    telemetry = Telemetry((taker.note,), taker=taker)
    for number in range(3 * MOST_FRESH):
        flown(telemetry, f"req_{number}", 0.1, "openai")
        assert len(telemetry.notes) <= MOST_FRESH
    telemetry.count_notes()
    assert len(taker.taken) == 3 * MOST_FRESH
    assert len(telemetry.seconds["chat"][200].fresh) < MOST_FRESH
