import pytest

from admin.world import OWN, World
from ai_gateway.store.rows import AuditRow, SecretRow

_VALUE = "sk-proj-0123456789-WXYZ"


async def test_a_secret_is_never_said_again(world: World) -> None:
    made = await world.made("/secrets", {"name": "main", "value": _VALUE})
    assert made == {
        "id": made["id"],
        "name": "main",
        "last4": "WXYZ",
        "used_by": [],
        "rotated_at": None,
        "created_at": "2027-01-15T08:00:00Z",
    }
    listed = await world.call("GET", "/secrets")
    assert listed.json()["data"] == [made]
    said = listed.text + (await world.call("GET", f"/secrets/{made['id']}")).text + repr(await world.rows(AuditRow))
    assert _VALUE not in said
    (row,) = await world.rows(SecretRow)
    assert world.doors.vault.unseal(OWN, "main", row.ciphertext).reveal() == _VALUE


@pytest.mark.parametrize("value", ["short", "12345678901"])
async def test_a_short_secret_shows_nothing(world: World, value: str) -> None:
    assert (await world.made("/secrets", {"name": "s", "value": value}))["last4"] == "****"


@pytest.mark.parametrize(("method", "suffix"), [("POST", "/rotate"), ("PUT", "")])
async def test_rotation_keeps_the_name_and_changes_the_value(world: World, method: str, suffix: str) -> None:
    made = await world.made("/secrets", {"name": "main", "value": _VALUE})
    answer = await world.call(method, f"/secrets/{made['id']}{suffix}", {"value": "sk-another-one-ABCD"})
    assert answer.json()["last4"] == "ABCD"
    assert answer.json()["rotated_at"] is not None
    (row,) = await world.rows(SecretRow)
    assert world.doors.vault.unseal(OWN, "main", row.ciphertext).reveal() == "sk-another-one-ABCD"


async def test_a_rotated_secret_is_live_in_the_endpoint_that_uses_it(world: World) -> None:
    secret = await world.made("/secrets", {"name": "main", "value": _VALUE})
    await world.made("/providers", {"name": "up", "provider": "openai", "api_key_secret_name": "main"})
    await world.call("POST", f"/secrets/{secret['id']}/rotate", {"value": "sk-another-one-ABCD"})
    endpoint = next(t for t in world.snapshot.tenants.values() if t.name == "Own").endpoints["up"]
    assert endpoint.api_key is not None
    assert endpoint.api_key.reveal() == "sk-another-one-ABCD"


async def test_a_used_secret_is_not_deleted_and_the_user_is_named(world: World) -> None:
    secret = await world.made("/secrets", {"name": "main", "value": _VALUE})
    await world.made("/providers", {"name": "up", "provider": "openai", "api_key_secret_name": "main"})
    assert (await world.call("GET", f"/secrets/{secret['id']}")).json()["used_by"] == ["up"]
    answer = await world.call("DELETE", f"/secrets/{secret['id']}")
    assert answer.status_code == 409
    assert "up" in answer.json()["error"]["message"]
    await world.call("DELETE", "/providers/up")
    assert (await world.call("DELETE", "/secrets/main")).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("env:OPENAI_API_KEY", _VALUE),
        ("ENV:X", _VALUE),
        ("a b", _VALUE),
        ("", _VALUE),
        ("n", ""),
        ("n", " x"),
        ("n", "a\r\nx-evil: 1"),
        ("n", "schlüssel"),
        ("n", 5),
    ],
)
async def test_a_name_or_value_that_cannot_be_is_refused(world: World, name: str, value: object) -> None:
    assert (await world.call("POST", "/secrets", {"name": name, "value": value})).status_code == 422


async def test_a_taken_name_is_a_409(world: World) -> None:
    await world.made("/secrets", {"name": "main", "value": _VALUE})
    assert (await world.call("POST", "/secrets", {"name": "main", "value": _VALUE})).status_code == 409


async def test_a_key_that_is_a_file_of_json_loses_its_line_breaks_only(world: World) -> None:
    told = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN\\nabc\\n-----END"\n}\n'
    await world.made("/secrets", {"name": "google", "value": told})
    (row,) = await world.rows(SecretRow)
    kept = world.doors.vault.unseal(OWN, "google", row.ciphertext).reveal()
    assert kept == '{"type":"service_account","private_key":"-----BEGIN\\nabc\\n-----END"}'
    broken = await world.call("POST", "/secrets", {"name": "other", "value": "{\n broken"})
    assert broken.status_code == 422
