"""The gateway's own remarks on a request or an answer, in the member that every API has for them."""

from typing import Annotated, Any, Final

import msgspec

from ai_gateway.domain.rules import AddMetadata as AddMetadataEffect
from ai_gateway.domain.rules import Facts, RequestForm, Tally
from ai_gateway.policy.rules.plain_json import within
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.templates import FilledText, PlainText, compile_template
from ai_gateway.policy.rules.written import Kind, Made, OnAny, Placed, Written

_MOST_NAME: Final = 64
_MOST_TEXT: Final = 512
_SHAPE: Final = {"propertyNames": {"maxLength": _MOST_NAME}, "additionalProperties": {"type": "string"}}
_Values = Annotated[dict[str, Any], msgspec.Meta(min_length=1, max_length=16, extra_json_schema=_SHAPE)]


class AddMetadata(Written, frozen=True, kw_only=True, tag="add_metadata"):
    """Over what is there. As the APIs have it: at most 16, names of 64 characters, texts of 512, with variables."""

    on: OnAny
    values: _Values


def make_add_metadata(rule: AddMetadata, placed: Placed) -> Made:
    texts = {name: _text(name, value, within(placed.at("values"), name)) for name, value in rule.values.items()}

    def add(form: RequestForm, facts: Facts, tally: Tally) -> None:
        form.add_metadata({name: text.fill(facts) for name, text in texts.items()})

    return Made(
        act=add if placed.is_on_request else None,
        effects=(AddMetadataEffect(texts),) if placed.is_on_response else (),
    )


def _text(name: str, value: object, place: str) -> PlainText | FilledText:
    if not name.strip() or len(name) > _MOST_NAME:
        raise RuleRefused(place, f"must have a name of 1 to {_MOST_NAME} characters")
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise RuleRefused(place, f"must be text of at most {_MOST_TEXT} characters")
    return compile_template(value, place)


KINDS: Final = (Kind(AddMetadata, make_add_metadata),)
