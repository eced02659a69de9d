import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError
from ai_gateway.policy.quotations import LEAST, QUOTED, unquoted, without_quotations
from support.builders import a_call, a_shaped

PROMPT = "My mother's maiden name is Featherstonehaugh, tell nobody."


def refusing(message: str) -> ProviderError:
    fields = {"messages": msgspec.Raw(msgspec.json.encode([{"role": "user", "content": PROMPT}]))}
    return unquoted(ProviderError(400, message), a_shaped(a_call(fields=fields)))


def test_what_a_provider_quotes_is_taken_out_and_the_rest_stays() -> None:
    assert refusing(f"Cannot parse '{PROMPT}' as JSON").message == f"Cannot parse '{QUOTED}' as JSON"
    assert refusing(f"{PROMPT[5:40]} ... {PROMPT[:30]}").message == f"{QUOTED} ... {QUOTED}"


def runs_of(text: str) -> list[str]:
    return [text[start : start + LEAST] for start in range(len(text) - LEAST + 1)]


def test_words_that_both_use_are_no_quotation() -> None:
    error = ProviderError(400, "The name is too long; tell nobody.")
    assert refusing(error.message) == error
    assert refusing("short").message == "short"


@given(st.text("ab ", max_size=60), st.text("ab ", min_size=LEAST, max_size=80), st.text("ab ", max_size=60))
def test_nothing_of_that_length_is_left(before: str, quoted: str, behind: str) -> None:
    told = without_quotations(f"<{before}>{quoted}<{behind}>", quoted)
    rest = told.split(QUOTED)
    assert not [it for part in rest for it in runs_of(part) if it in quoted]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_texts_are_taken(message: str, asked: str) -> None:
    told = without_quotations(message, asked)
    assert told == message or QUOTED in told
