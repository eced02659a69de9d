import copy
import pickle

import msgspec
import pytest

from ai_gateway.domain.secret import Secret
from support.builders import PROVIDER_KEY, an_endpoint

CANARY = "sk-canary-0123"


def test_a_secret_is_never_printed() -> None:
    secret = Secret(CANARY)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>10}", f"{secret!r}", "%s" % secret]  # noqa: UP031
    assert not [it for it in shown if CANARY in it]
    assert repr(secret) == "***"


def test_a_secret_inside_a_value_is_not_printed_either() -> None:
    assert PROVIDER_KEY not in repr(an_endpoint())


def test_a_secret_does_not_leave_by_pickle_or_json() -> None:
    for leave in (pickle.dumps, copy.deepcopy, msgspec.json.encode):
        with pytest.raises(TypeError):
            leave(Secret(CANARY))


def test_a_secret_says_its_text_when_asked_by_name() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_secrets_are_equal_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
