import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.runtime.decompression import FREE_BYTES, RATIO, decoder_for
from ai_gateway.runtime.upstream import Broken


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_what_is_as_it_is_needs_no_decoder(encoding: str) -> None:
    assert decoder_for(encoding) is None


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 1_000])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(Broken) as refused:
        decoder_for(encoding)
    assert len(str(refused.value)) < 200


@given(
    text=st.binary(max_size=5_000),
    cuts=st.lists(st.integers(0, 5_000), max_size=8),
    encoding=st.sampled_from(["gzip", "deflate"]),
)
def test_pieces_of_any_size_decode_to_the_whole(text: bytes, cuts: list[int], encoding: str) -> None:
    packed = gzip.compress(text) if encoding == "gzip" else zlib.compress(text)
    decode = decoder_for(encoding)
    assert decode is not None
    places = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    pieces = [packed[a:b] for a, b in pairwise(places) if b > a]
    assert b"".join([*map(decode, pieces), decode(b"")]) == text


@given(keep=st.integers(1, 60))
def test_a_stream_that_is_cut_anywhere_is_broken_at_its_end(keep: int) -> None:
    packed = gzip.compress(b"hello " * 10)
    decode = decoder_for("gzip")
    assert decode is not None
    decode(packed[: min(keep, len(packed) - 1)])
    with pytest.raises(Broken):
        decode(b"")


def test_a_ratio_that_text_never_has_is_a_bomb() -> None:
    decode = decoder_for("gzip")
    assert decode is not None
    with pytest.raises(Broken):
        decode(gzip.compress(bytes(FREE_BYTES * 8)))


def test_small_things_may_have_any_ratio() -> None:
    decode = decoder_for("gzip")
    assert decode is not None
    packed = gzip.compress(bytes(FREE_BYTES // 2))
    assert len(packed) * RATIO < FREE_BYTES // 2
    assert decode(packed) == bytes(FREE_BYTES // 2)


def test_an_empty_body_is_an_empty_body() -> None:
    decode = decoder_for("gzip")
    assert decode is not None
    assert decode(b"") == b""


@pytest.mark.parametrize("behind", [b"x", gzip.compress(b"another")], ids=["a byte", "another member"])
def test_what_stands_behind_the_compressed_end_is_not_silently_lost(behind: bytes) -> None:
    together, apart = decoder_for("gzip"), decoder_for("gzip")
    assert together is not None
    assert apart is not None
    packed = gzip.compress(b"one")
    with pytest.raises(Broken):
        together(packed + behind)
    assert apart(packed) == b"one"
    with pytest.raises(Broken):
        apart(behind)
