"""What a target cannot say is refused by name, or told."""

import pytest

from ai_gateway.domain.faults import Untranslatable
from ai_gateway.providers.translation.losses import MOST_TOLD, Losses


def test_a_field_that_cannot_be_said_is_refused_by_its_name() -> None:
    with pytest.raises(Untranslatable) as refused:
        Losses("Anthropic's API", drops=False).unsupported("logprobs", "it has none")
    assert refused.value.status == 400
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "logprobs")
    assert refused.value.message == "'logprobs' cannot be sent to Anthropic's API: it has none."


def test_a_route_that_drops_lists_each_name_once_and_in_order() -> None:
    losses = Losses("x", drops=True)
    losses.unsupported("seed")
    losses.forgiven("store")
    losses.unsupported("seed")
    assert losses.dropped == ("seed", "store")


def test_a_hint_is_forgiven_everywhere() -> None:
    losses = Losses("x", drops=False)
    losses.forgiven("metadata")
    assert losses.dropped == ("metadata",)


def test_a_name_that_a_caller_chose_cannot_break_a_header() -> None:
    losses = Losses("x", drops=True)
    losses.unsupported("a\r\nset-cookie: b" + "c" * 500)
    (told,) = losses.dropped
    assert told.startswith("a??set-cookie??bccc")
    assert len(told) == 100


def test_what_is_told_is_bounded() -> None:
    losses = Losses("x", drops=True)
    for number in range(100):
        losses.unsupported(f"field{number}")
    assert len(losses.dropped) == MOST_TOLD
