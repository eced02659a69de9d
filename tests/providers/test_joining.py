"""Two texts become one, or it is said that they do not fit."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ai_gateway.providers.joining import ECHO_CHARACTERS, Continued, Joining, Repeated

ANSWER = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening comes."
TEXTS = st.text(st.sampled_from("ab \n\U0001f600"), max_size=60)


def said(joining: Joining, pieces: list[str]) -> str:
    """What the caller gets of these pieces."""
    return "".join([*map(joining.take, pieces), joining.finish()])


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 200), max_size=10)


@given(TEXTS, TEXTS, CUTS)
def test_a_repeated_answer_gives_what_is_new_however_it_is_cut(delivered: str, more: str, cuts: list[int]) -> None:
    joining = Repeated(delivered)
    assert said(joining, pieces_of(delivered + more, cuts)) == more
    assert joining.joined
    assert not joining.failed


@given(TEXTS.filter(bool), TEXTS, CUTS)
def test_another_answer_gives_nothing_and_fails(delivered: str, other: str, cuts: list[int]) -> None:
    joining = Repeated(delivered)
    if other.startswith(delivered):
        return
    assert said(joining, pieces_of(other, cuts)) == ""
    assert joining.failed
    assert not joining.joined
    assert joining.take("more") == ""


def test_nothing_delivered_is_joined_from_the_start() -> None:
    assert Repeated("").joined


@given(st.integers(1, len(ANSWER)), CUTS)
def test_a_continued_answer_goes_on_where_it_stopped(at: int, cuts: list[int]) -> None:
    joining = Continued(ANSWER[:at])
    rest = ANSWER[len(ANSWER[:at].rstrip()) :]
    assert ANSWER[:at] + said(joining, pieces_of(rest, cuts)) == ANSWER
    assert joining.joined


@pytest.mark.parametrize(
    ("delivered", "rest", "given"),
    [
        ("one\n", "\n\ntwo", "\ntwo"),  # the caller has the first line end
        ("one\n", " two", "two"),
        ("one ", "two", "two"),
        ("one", " two", " two"),
        ("one  ", " ", ""),
    ],
)
def test_white_space_that_was_delivered_does_not_come_twice(delivered: str, rest: str, given: str) -> None:
    assert said(Continued(delivered), [rest]) == given


@given(st.integers(ECHO_CHARACTERS, len(ANSWER)), CUTS)
@example(ECHO_CHARACTERS, [])
def test_a_model_that_begins_again_is_heard_as_a_repetition(at: int, cuts: list[int]) -> None:
    joining = Continued(ANSWER[:at])
    assert said(joining, pieces_of(ANSWER, cuts)) == ANSWER[at:]
    assert not joining.failed


@given(st.integers(ECHO_CHARACTERS + 1, len(ANSWER)), st.integers(ECHO_CHARACTERS, len(ANSWER)), CUTS)
def test_an_echo_that_goes_astray_gives_nothing(at: int, astray: int, cuts: list[int]) -> None:
    other = ANSWER[: min(astray, at - 1)] + "#" + ANSWER[astray:]
    joining = Continued(ANSWER[:at])
    assert said(joining, pieces_of(other, cuts)) == ""
    assert joining.failed


@given(st.integers(1, ECHO_CHARACTERS - 1), CUTS)
def test_the_beginning_of_a_short_answer_again_may_be_anything_and_fails(at: int, cuts: list[int]) -> None:
    joining = Continued(ANSWER[:at])
    assert said(joining, pieces_of(ANSWER, cuts)) == ""
    assert joining.failed


@pytest.mark.parametrize("word", ["ha ", "-", "0123456789"])
def test_an_answer_that_says_its_beginning_again_itself_fails(word: str) -> None:
    """'ha ha ha ...' after 'ha ha ha ...' may be more of it or the same again."""
    delivered = (word * 40)[:40]
    joining = Continued(delivered)
    assert joining.take(delivered * 2) == ""
    assert joining.failed
    assert joining.take(word) == ""


def test_what_begins_alike_by_chance_is_held_back_and_given_out() -> None:
    joining = Continued(ANSWER)
    assert joining.take("The") == ""
    assert not joining.joined
    assert joining.take("n") == "Then"
    assert joining.take(" The") == " The"


def test_what_is_held_back_comes_out_at_the_end() -> None:
    joining = Continued(ANSWER)
    assert said(joining, ["The", " quick"]) == "The quick"
