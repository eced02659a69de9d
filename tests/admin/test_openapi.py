from pathlib import Path

from ai_gateway.admin.error_schemas import RESPONSE
from ai_gateway.admin.openapi import openapi_document, openapi_text

_PUBLISHED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_published_description_is_what_is_served() -> None:
    assert _PUBLISHED.read_text() == openapi_text(), "run: python -m ai_gateway.admin.openapi > docs/openapi.json"


def test_every_operation_says_its_permission_and_its_refusals() -> None:
    for path in openapi_document()["paths"].values():
        for operation in path.values():
            assert operation["x-permission"] in ("read", "change", "operate")
            assert operation["responses"]["4XX"] == operation["responses"]["5XX"] == RESPONSE
            assert all(status[0] in "245" for status in operation["responses"])
            assert operation["summary"]


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for path in openapi_document()["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)
