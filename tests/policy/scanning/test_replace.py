import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import Tally
from ai_gateway.policy.scanning import compile_replace
from policy.scanning.running import flow, most_held, pieces_of


@given(st.text(alphabet="ab", min_size=1, max_size=4), st.text(alphabet="abA", max_size=30), st.data())
def test_it_replaces_like_a_whole_text_in_any_partition(old: str, text: str, data: st.DataObject) -> None:
    replacer = compile_replace(old, "#", ignore_case=False)
    assert replacer.replace(text) == text.replace(old, "#")
    assert flow(replacer.pipe(Tally()), data.draw(pieces_of(text))) == text.replace(old, "#")


@given(st.text(alphabet="aBé", min_size=1, max_size=4), st.text(alphabet="aAbBéÉß\u0130", max_size=30), st.data())
def test_case_may_be_ignored(old: str, text: str, data: st.DataObject) -> None:
    replacer = compile_replace(old, "#", ignore_case=True)
    assert replacer.replace(text) == re.sub(re.escape(old), "#", text, flags=re.IGNORECASE)
    assert flow(replacer.pipe(Tally()), data.draw(pieces_of(text))) == replacer.replace(text)


def test_what_is_put_in_is_not_looked_at_again() -> None:
    assert compile_replace("ab", "aab", ignore_case=False).replace("ab ab") == "aab aab"


@pytest.mark.parametrize(
    ("text", "most"),
    [("An open question, Opera and OpenAPI", 5), ("nothing of that", 0), ("OO OpOpenOpen", 4)],
)
def test_only_what_begins_like_it_waits(text: str, most: int) -> None:
    assert most_held(compile_replace("OpenAI", "Company AI", ignore_case=False).pipe, text) == most


@pytest.mark.parametrize(("old", "words"), [("", "the empty text is everywhere"), ("a" * 1_001, "longer than 1000")])
def test_what_cannot_be_replaced_is_refused(old: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compile_replace(old, "", ignore_case=False)
