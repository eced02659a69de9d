from typing import Any

import pytest

from admin.world import OWN, World
from ai_gateway.domain.wording import Text
from support.languages import GERMAN

PATH = f"/tenants/{OWN}"
OWN_WORDS = {
    "categories": {"quota": {"message": "Acme's account is used up.", "suggested_action": "Mail it@acme.example."}},
    "codes": {"queue_full": {"message": "Busy, ${request_id}. Wait ${retry_after_seconds} s."}},
}


async def patch(world: World, body: dict[str, Any]) -> Any:
    return await world.call("PATCH", PATH, body, role="platform")


async def test_a_tenant_takes_a_language_and_words_of_its_own_and_keeps_them(world: World) -> None:
    before = (await world.call("GET", PATH)).json()
    assert (before["language"], before["error_messages"]) == ("en", {})
    assert world.snapshot.tenants[OWN].wording is None

    patched = await patch(world, {"language": "de", "error_messages": OWN_WORDS})

    assert patched.status_code == 200
    assert (patched.json()["language"], patched.json()["error_messages"]) == ("de", OWN_WORDS)
    wording = world.snapshot.tenants[OWN].wording
    assert wording is not None
    assert wording.language is GERMAN
    assert wording.own.codes["queue_full"] == Text("Busy, ${request_id}. Wait ${retry_after_seconds} s.")
    kept = (await patch(world, {"enabled": True})).json()
    assert (kept["language"], kept["error_messages"]) == ("de", OWN_WORDS)
    gone = (await world.call("PUT", PATH, {"name": "Own"}, role="platform")).json()
    assert (gone["language"], gone["error_messages"]) == ("en", {})
    assert world.snapshot.tenants[OWN].wording is None


async def test_the_same_words_are_in_the_configuration_document(world: World) -> None:
    document = {"version": 1, "language": "de", "error_messages": OWN_WORDS}
    outcome = (await world.call("POST", "/config/apply", document)).json()
    (updated,) = outcome["updated"]
    assert (updated["noun"], updated["name"]) == ("tenant", "Own")
    exported = (await world.call("GET", "/config/export")).json()
    assert (exported["language"], exported["error_messages"]) == ("de", OWN_WORDS)
    again = (await world.call("POST", "/config/apply", {"version": 1})).json()
    assert again["updated"] == []
    taken_back = await world.call("POST", "/config/apply", {"version": 1, "error_messages": {}})
    assert taken_back.status_code == 200
    assert (await world.call("GET", PATH)).json()["error_messages"] == {}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"language": "xx"}, "'language': is none that is loaded here; loaded are de, en."),
    ({"error_messages": {"codes": {"nope": {"message": "m"}}}}, "there is no code 'nope'"),
    ({"error_messages": {"categories": {"nope": {"message": "m"}}}}, "'nope', which there is not; there are"),
    ({"error_messages": {"categories": {"quota": {"message": "${nobody}"}}}}, "the unknown placeholder ${nobody}"),
    ({"error_messages": {"categories": {"quota": {"message": "${limit}"}}}}, "the unknown placeholder ${limit}"),
    ({"error_messages": {"codes": {"queue_full": {"message": "${message}"}}}}, "the unknown placeholder ${message}"),
    ({"error_messages": {"categories": {"quota": {"message": "a\nb"}}}}, "cannot be shown"),
    ({"error_messages": {"categories": {"quota": {"message": "x" * 1001}}}}, "1000"),
    ({"error_messages": {"categories": {"quota": {"suggested_action": "x" * 501}}}}, "500"),
    ({"error_messages": {"categories": {"quota": {"message": " "}}}}, "is empty"),
    ({"error_messages": {"categories": {"quota": {"text": "m"}}}}, "is not a field that is known here"),
    ({"error_messages": {"nouns": {}}}, "is not a field that is known here"),
]


@pytest.mark.parametrize(("body", "says"), WRONG, ids=[says for _, says in WRONG])
async def test_what_cannot_be_told_is_refused_when_it_is_saved(world: World, body: dict[str, Any], says: str) -> None:
    for answer in (
        await patch(world, body),
        await world.call("POST", "/config/apply", {"version": 1, **body}),
        await world.call("POST", "/tenants", {"name": "New", **body}, role="platform"),
    ):
        assert answer.status_code == 422, answer.text
        assert says in answer.json()["error"]["message"]
    assert (await world.call("GET", PATH)).json()["error_messages"] == {}


async def test_a_limit_may_be_quoted_in_the_words_about_it(world: World) -> None:
    words = {"codes": {"budget_exceeded": {"message": "${current} of ${limit}. ${resets}"}}}
    assert (await patch(world, {"error_messages": words})).status_code == 200
