from admin.world import World
from ai_gateway.admin.wording import explain_validation


def test_the_field_and_what_it_must_be_are_named_and_the_input_is_not() -> None:
    fault = explain_validation(
        [
            {
                "loc": ("body", "providers", 0, "weight"),
                "type": "int_type",
                "msg": "Input should be a valid integer",
                "input": "sk-x",
            }
        ]
    )
    assert fault.status == 422
    assert fault.message == "'providers.0.weight': must be a valid integer."
    assert fault.param == "providers.0.weight"


def test_a_query_parameter_is_a_400() -> None:
    fault = explain_validation([{"loc": ("query", "limit"), "type": "x", "msg": "Input should be less than 5"}])
    assert fault.status == 400


async def test_an_unknown_field_is_named(world: World) -> None:
    answer = await world.call("POST", "/teams", {"name": "t", "colour": "red"})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "'colour': is not a field that is known here."
    assert answer.json()["error"]["param"] == "colour"


async def test_a_missing_field_is_named(world: World) -> None:
    answer = await world.call("POST", "/teams", {})
    assert answer.json()["error"]["message"] == "'name': is missing."


async def test_a_secret_in_a_wrong_place_is_not_echoed(world: World) -> None:
    answer = await world.call("POST", "/secrets", {"name": "n", "value": ["sk-very-secret"]})
    assert answer.status_code == 422
    assert "sk-very-secret" not in answer.text
