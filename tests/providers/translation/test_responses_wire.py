import pytest

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Citation, Maker, Thinking
from ai_gateway.domain.reply import Stop
from ai_gateway.providers.translation.responses_wire import (
    annotation_of,
    call_seal,
    citation_of,
    read_call_seal,
    sealed,
    status_of,
    stop_of,
    unsealed,
    usage_of,
)

OWN = Maker.OPENAI


@pytest.mark.parametrize(
    ("thought", "content"),
    [
        (Thinking("t", None, "e", OWN, "rs"), "e"),
        (Thinking("t", None, None, OWN, "rs"), None),
        (Thinking("t", "s", None, Maker.ANTHROPIC, "rs"), "gateway:anthropic:s"),
        (Thinking("t", None, None, Maker.GOOGLE, "rs"), "gateway:google:"),
        (Thinking("", None, "d:d", Maker.ANTHROPIC, "rs"), "gateway-redacted:anthropic:d:d"),
    ],
)
def test_a_thought_is_sealed_for_its_maker_and_comes_back_as_it_was(thought: Thinking, content: str | None) -> None:
    assert sealed(thought, OWN) == content
    assert unsealed(thought.text, content, OWN, "rs") == thought


def test_an_unknown_maker_is_unknown() -> None:
    assert unsealed("", "gateway:nobody:s", OWN, None) == Thinking("", "s", None, Maker.UNKNOWN)


def test_the_signature_of_a_call_is_told_from_a_thought() -> None:
    assert read_call_seal(call_seal("call:1", Maker.GOOGLE, "sig")) == ("call:1", Maker.GOOGLE, "sig")
    assert read_call_seal("gateway:google:sig") is None


@pytest.mark.parametrize(
    "citation",
    [
        Citation(url="u", title="t", answer_start=1, answer_end=2),
        Citation(url="u"),
        Citation(url="u", cited_text="c"),
        Citation(title="t", document=1, source_start=3, extra={"a": 1}),
        Citation(extra={"type": "container_file_citation", "file_id": "f", "container_id": "c"}),
    ],
)
def test_a_citation_comes_back_as_it_was(citation: Citation) -> None:
    assert citation_of(annotation_of(citation)) == citation


def test_what_is_no_citation_of_ours_is_read_as_far_as_it_goes() -> None:
    read = citation_of({"type": "url_citation", "url": "u", "start_index": True, "gateway": {"document": "x"}})
    assert read == Citation(url="u")


def test_usage_sums_up() -> None:
    lanes = Usage(10, 5, cache_read_tokens=4, cache_write_5m_tokens=2, cache_write_1h_tokens=1, reasoning_tokens=3)
    assert usage_of(lanes) == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 15,
    }


@pytest.mark.parametrize(
    ("stop", "status"),
    [
        (Stop.END, ("completed", None)),
        (Stop.LENGTH, ("incomplete", "max_output_tokens")),
        (Stop.CONTEXT, ("incomplete", "max_output_tokens")),
        (Stop.STOP_SEQUENCE, ("completed", None)),
        (Stop.TOOL_CALLS, ("completed", None)),
        (Stop.CONTENT_FILTER, ("incomplete", "content_filter")),
        (Stop.REFUSAL, ("incomplete", "content_filter")),
        (Stop.PAUSE, ("completed", None)),
        (Stop.MALFORMED_CALL, ("completed", None)),
        (Stop.UNKNOWN, ("completed", None)),
        (None, ("completed", None)),
    ],
)
def test_every_stop_has_a_status(stop: Stop | None, status: tuple[str, str | None]) -> None:
    assert status_of(stop, refused_in_words=False) == status


def test_the_table_of_stops_is_total() -> None:
    assert len(Stop) == 10
    assert status_of(Stop.REFUSAL, refused_in_words=True) == ("completed", None)


@pytest.mark.parametrize(
    ("status", "reason", "calls", "refuses", "stop"),
    [
        ("completed", None, False, False, Stop.END),
        (None, None, False, False, Stop.END),
        ("completed", None, True, True, Stop.TOOL_CALLS),
        ("completed", None, False, True, Stop.REFUSAL),
        ("incomplete", "max_output_tokens", True, False, Stop.LENGTH),
        ("incomplete", "content_filter", False, False, Stop.CONTENT_FILTER),
        ("incomplete", "new", False, False, Stop.UNKNOWN),
        ("incomplete", {}, False, False, Stop.UNKNOWN),
        ("queued", None, False, False, Stop.UNKNOWN),
    ],
)
def test_why_a_response_ended(status: object, reason: object, *, calls: bool, refuses: bool, stop: Stop) -> None:
    assert stop_of(status, reason, calls=calls, refuses=refuses) is stop
