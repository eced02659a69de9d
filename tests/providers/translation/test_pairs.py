"""Every front with every back: who is asked in one dialect gets a codec for it, whatever the provider speaks."""

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.providers import ProviderKind, codec_for
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.translation.pairs import FRONTS


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda it: it.type)
@pytest.mark.parametrize("operation", FRONTS, ids=str)
def test_every_conversation_can_be_held_with_every_provider(kind: ProviderKind, operation: Operation) -> None:
    codec = codec_for(kind, FRONTS[operation].dialect, operation)
    assert codec is not None
    assert operation in codec.operations
    assert codec.dialect is FRONTS[operation].dialect


def test_nothing_is_translated_where_the_dialects_match() -> None:
    for kind in KINDS.values():
        for dialect, native in kind.codecs.items():
            for operation in native.operations:
                assert codec_for(kind, dialect, operation) is native


def test_what_is_no_conversation_has_no_translation() -> None:
    anthropic = next(it for it in KINDS.values() if it.type == "anthropic")
    assert codec_for(anthropic, Dialect.OPENAI, Operation.EMBEDDINGS) is None
