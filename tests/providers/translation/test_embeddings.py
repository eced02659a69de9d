"""OpenAI's embeddings in front of other APIs."""

import json
import struct
from base64 import b64decode
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation, ProviderError, Usage
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers import Reading
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.embeddings import (
    EmbeddingsCodec,
    Vectors,
    Wanted,
    read_wanted,
    refuse_others,
    write_vectors,
)
from ai_gateway.providers.translation.losses import Losses
from providers.calls import a_shaped


class Api:
    def write(self, wanted: Wanted, model: str, losses: Losses) -> Draft:
        return Draft(
            f"/embed/{model}", {"texts": list(wanted.texts)} | refuse_others(wanted, frozenset({"kind"}), losses)
        )

    def read(self, body: bytes) -> Vectors | ProviderError:
        return Vectors((msgspec.Raw(b"[0.10,2]"),), Usage(7)) if body else ProviderError(status=None, message="none")

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return ProviderError(status=status)


CODEC = EmbeddingsCodec(Api(), "the API")


def wanted(**said: Any) -> tuple[Wanted, tuple[str, ...]]:
    losses = Losses("it", drops=False)
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in said.items()}
    return read_wanted(fields, losses), losses.dropped


def test_a_request_and_an_answer() -> None:
    shaped = a_shaped(Operation.EMBEDDINGS, '{"model":"m","input":"hi","encoding_format":"base64","kind":"x"}')
    sent = CODEC.encode(shaped, "big")
    assert (sent.path, sent.body, sent.dropped) == ("/embed/big", b'{"texts":["hi"],"kind":"x"}', ())
    assert CODEC.read_reply(Operation.EMBEDDINGS, b"x") == Reading(
        usage=Usage(7),
        body=b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,2]}],"model":"",'
        b'"usage":{"prompt_tokens":7,"total_tokens":7}}',
    )
    assert CODEC.read_reply(Operation.EMBEDDINGS, b"").error is not None
    assert CODEC.read_error(503, {}, b"").status == 503
    assert not CODEC.watch(shaped).started


def test_who_asks_for_base64_gets_little_endian_floats_and_the_name_that_was_asked_for() -> None:
    shaped = a_shaped(Operation.EMBEDDINGS, '{"model":"m","input":"hi","encoding_format":"base64"}')
    said = json.loads(CODEC.read_reply_to(shaped, b"x").body or b"")
    packed = b64decode(said["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == (pytest.approx(0.1), 2.0)
    assert said["model"] == "m"
    plain = a_shaped(Operation.EMBEDDINGS, '{"model":"m","input":"hi"}')
    assert json.loads(CODEC.read_reply_to(plain, b"x").body or b"")["data"][0]["embedding"] == [0.1, 2]
    assert CODEC.read_reply_to(plain, b"").error is not None


def test_it_says_what_it_is() -> None:
    assert (CODEC.dialect, CODEC.translates) == (Dialect.OPENAI, True)
    assert CODEC.operations == {Operation.EMBEDDINGS}


def test_a_text_or_texts_are_wanted() -> None:
    assert wanted(input="a")[0] == Wanted(("a",))
    assert wanted(input=["a", ""], dimensions=256)[0] == Wanted(("a", ""), 256)
    assert wanted(input="a", dimensions=None, user="ann", encoding_format="float")[1] == ("user",)


@pytest.mark.parametrize("said", [[], [1, 2], [[1, 2]], 7, None, [None]])
def test_tokens_and_nothing_are_refused(said: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wanted(input=said)
    assert refused.value.param == "input"


@pytest.mark.parametrize("said", [0, -1, "x", 1.5])
def test_dimensions_are_a_positive_number(said: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wanted(input="a", dimensions=said)
    assert refused.value.param == "dimensions"


def test_a_member_that_the_api_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        CODEC.encode(a_shaped(Operation.EMBEDDINGS, '{"model":"m","input":"hi","sort":1}'), "big")
    assert refused.value.param == "sort"


def test_usage_that_nobody_told_is_written_as_none() -> None:
    assert json.loads(write_vectors(Vectors(())))["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
