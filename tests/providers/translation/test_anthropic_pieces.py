"""The pieces of a part add up to it."""

from hypothesis import given

from ai_gateway.domain.conversation import Image, Opaque, Part, Source
from ai_gateway.domain.reply import Began, Ended, PartWhole, Reply
from ai_gateway.providers.translation.anthropic_pieces import pieces_of
from ai_gateway.providers.translation.folding import fold
from tests.providers.translation.test_anthropic_encoder import PARTS


@given(PARTS)
def test_pieces_add_up_to_the_part(part: Part) -> None:
    pieces = pieces_of(PartWhole(0, 3, part))
    whole = fold([Began(), *pieces, Ended()])
    assert isinstance(whole, Reply)
    assert whole.choices[0].parts == (part,) if pieces else isinstance(part, Opaque)


def test_what_has_no_pieces_has_none() -> None:
    assert pieces_of(PartWhole(0, 0, Image(Source(url="https://a")))) == []
