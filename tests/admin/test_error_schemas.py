"""The schemas hold for what is really sent, in both dialects and in the admin API, and for nothing else."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest

from admin.world import World
from ai_gateway.admin.answers import error_body
from ai_gateway.admin.openapi import openapi_document
from ai_gateway.domain.chat import Dialect, ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Category, Fault, Level, Origin, every_kind
from ai_gateway.gateway.answers import body_of
from ai_gateway.policy.error_handler import classify
from ai_gateway.runtime.languages import read_english

DOCUMENT = openapi_document()
NAMES = {Dialect.OPENAI: "OpenAIError", Dialect.ANTHROPIC: "AnthropicError"}


def check(name: str, body: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(body)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("kind", every_kind())
def test_every_fault_is_said_as_its_schema_has_it(kind: type[Fault], dialect: Dialect) -> None:
    for fault in (kind(), kind(level=Level("team", "Red"), retry_after_seconds=1.5, param="model")):
        check(NAMES[dialect], msgspec.json.decode(body_of(fault, dialect, "req_1")))
        check("OpenAIError", error_body(fault, "req_1"))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("provider", ProviderType)
def test_every_provider_s_refusal_is_said_as_its_schema_has_it(provider: ProviderType, dialect: Dialect) -> None:
    fault = classify(provider, ProviderError(418, "odd", "their_type", "their_code"))
    check(NAMES[dialect], msgspec.json.decode(body_of(fault, dialect, "req_1")))


def test_the_enumerations_are_the_taxonomy() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ErrorCategory"]["enum"] == list(Category)
    assert schemas["ErrorOrigin"]["enum"] == list(Origin)
    assert schemas["ErrorCode"]["enum"] == sorted(read_english().texts.codes)


def test_an_error_that_lacks_something_is_none() -> None:
    body = error_body(every_kind()[0](), "req_1")
    del body["error"]["gateway"]["suggested_action"]
    with pytest.raises(jsonschema_rs.ValidationError):
        check("OpenAIError", body)


async def test_what_the_admin_api_refuses_with_is_what_it_describes(world: World) -> None:
    for method, path, body in (
        ("GET", "/teams/none", None),
        ("POST", "/teams", {"nome": "x"}),
        ("GET", "/nowhere", None),
        ("PATCH", "/teams", {}),
    ):
        answer = await world.call(method, path, body)
        assert answer.status_code >= 400
        check("OpenAIError", answer.json())


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [ref for value in part.values() for ref in references(value)]
        return [ref for item in part for ref in references(item)] if isinstance(part, list) else []

    for ref in references(DOCUMENT):
        target: Any = DOCUMENT
        for step in ref.removeprefix("#/").split("/"):
            target = target[step]
        assert target
