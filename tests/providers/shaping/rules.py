"""Rules of answers to try: chains of pipes, and everything else that a rule can do."""

from hypothesis import strategies as st

from ai_gateway.domain.rules import AnswerRules
from tests.providers.shaping.pipes import Arguments, digits, late, literal, same

PIPES = st.lists(
    st.sampled_from([literal("secret", "[x]"), literal("ret", "RT"), literal("[x]", "<y>"), digits, late, same]),
    max_size=3,
).map(tuple)
CHAT_PATHS = st.sampled_from(
    [
        ("system_fingerprint",),
        ("created",),
        ("choices", "message", "refusal"),
        ("choices", "message", "annotations", "url_citation", "title"),
        ("choices", "message", "reasoning_content"),
        ("usage", "total_tokens"),
    ]
)
CHAT_PUTS = st.sampled_from(
    [
        (("served_by",), "secret 12345"),
        (("about", "us"), {"a": [1]}),
        (("choices", "message", "note"), "secret"),
        (("choices", "message", "refusal"), "none"),
        (("choices", "flag"), True),
        (("usage", "note"), "x"),
    ]
)
MESSAGE_PATHS = st.sampled_from(
    [
        ("stop_sequence",),
        ("content", "citations"),
        ("content", "citations", "cited_text"),
        ("content", "signature"),
        ("content", "thinking"),
        ("usage", "input_tokens"),
        ("stop_details", "explanation"),
    ]
)
MESSAGE_PUTS = st.sampled_from(
    [
        (("served_by",), "secret 12345"),
        (("about", "us"), {"a": [1]}),
        (("stop_sequence",), "x"),
        (("usage", "note"), "x"),
        (("content", "note"), "secret"),
    ]
)


def replaced(text: str) -> str:
    return text.replace("x-1", "Company")


def some(paths: st.SearchStrategy[tuple[str, ...]], puts: st.SearchStrategy[object]) -> st.SearchStrategy[AnswerRules]:
    return st.builds(
        AnswerRules,
        request_id=st.just("req_abc"),
        pipes=PIPES,
        arguments=st.just(Arguments),
        names=st.sampled_from([(), (replaced,)]),
        drop=st.lists(paths, max_size=2).map(tuple),
        put=st.lists(puts, max_size=2).map(tuple),
        metadata=st.sampled_from([{}, {"by": "secret"}]),
        appended=st.sampled_from(["", "\n\nNo advice: secret 12345."]),
        hidden_as=st.sampled_from([None, "company-model"]),
    )


CHAT_RULES = some(CHAT_PATHS, CHAT_PUTS)
MESSAGE_RULES = some(MESSAGE_PATHS, MESSAGE_PUTS)
