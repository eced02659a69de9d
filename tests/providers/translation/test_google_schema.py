"""JSON Schema as older models take it: the same meaning, or told."""

from typing import Any

import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.google_schema import openapi_of
from ai_gateway.providers.translation.losses import Losses

NULL = {"type": "null"}
TEXT = {"type": "string"}
COLOUR = {"type": "string", "enum": ["red", "blue"]}


def strictly(schema: dict[str, Any]) -> dict[str, Any]:
    return openapi_of(schema, Losses("Gemini", drops=False), "tools[0].parameters")


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        (
            {"type": "object", "properties": {"a": TEXT}, "required": ["a"], "$schema": "x", "title": "T"},
            {"type": "object", "properties": {"a": TEXT}, "required": ["a"], "title": "T"},
        ),
        ({"$ref": "#/$defs/C", "$defs": {"C": COLOUR}}, COLOUR),
        ({"$ref": "#/definitions/C", "definitions": {"C": COLOUR}, "description": "d"}, {**COLOUR, "description": "d"}),
        (
            {"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": {"$ref": "#/$defs/B"}, "B": TEXT}},
            {"type": "array", "items": TEXT},
        ),
        ({"const": "x"}, {"enum": ["x"], "type": "string"}),
        ({"enum": ["a", None]}, {"nullable": True, "enum": ["a"], "type": "string"}),
        ({"type": ["string", "null"]}, {"nullable": True, "type": "string"}),
        ({"type": ["string", "integer"]}, {"anyOf": [TEXT, {"type": "integer"}]}),
        ({"anyOf": [TEXT, NULL], "description": "d"}, {"nullable": True, "type": "string", "description": "d"}),
        ({"oneOf": [TEXT, {"type": "number"}, NULL]}, {"nullable": True, "anyOf": [TEXT, {"type": "number"}]}),
        ({"allOf": [TEXT]}, TEXT),
        ({"type": "STRING"}, {"type": "STRING"}),
        (
            {"type": "array", "prefixItems": [TEXT, {"type": "number"}]},
            {"type": "array", "items": {"anyOf": [TEXT, {"type": "number"}]}},
        ),
        (
            {"type": "number", "minimum": 1, "maximum": 2, "format": "double"},
            {"type": "number", "minimum": 1, "maximum": 2, "format": "double"},
        ),
        ({"type": "object", "properties": {"any": True}}, {"type": "object", "properties": {"any": {}}}),
    ],
)
def test_what_can_be_said_is_said_in_other_words(schema: dict[str, Any], written: dict[str, Any]) -> None:
    assert strictly(schema) == written


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "object", "properties": {"a": {"not": TEXT}}}, "tools[0].parameters.properties.a.not"),
        ({"type": "object", "patternProperties": {}}, "tools[0].parameters.patternProperties"),
        ({"allOf": [TEXT, TEXT]}, "tools[0].parameters.allOf"),
        ({"type": "number", "exclusiveMinimum": 0}, "tools[0].parameters.exclusiveMinimum"),
        ({"enum": [1, 2]}, "tools[0].parameters.enum"),
        ({"const": 1}, "tools[0].parameters.enum"),
        ({"type": "date"}, "tools[0].parameters.type"),
        ({"type": "object", "properties": {"a": False}}, "tools[0].parameters.properties.a"),
        ({"$ref": "#"}, "tools[0].parameters.$ref"),
        ({"$ref": "#/$defs/gone"}, "tools[0].parameters.$ref"),
        (
            {"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}}},
            "tools[0].parameters.properties.next.$ref",
        ),
    ],
)
def test_what_cannot_be_said_is_told_by_its_place(schema: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        strictly(schema)
    assert refused.value.param == field
    losses = Losses("Gemini", drops=True)
    openapi_of(schema, losses, "tools[0].parameters")
    assert len(losses.dropped) == 1


def test_what_restricts_nothing_is_left_out_and_told() -> None:
    losses = Losses("Gemini", drops=False)
    schema = {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "string", "format": "uri"}}}
    assert openapi_of(schema, losses, "s") == {"type": "object", "properties": {"a": TEXT}}
    assert losses.dropped == ("s.additionalProperties", "s.properties.a.format")
