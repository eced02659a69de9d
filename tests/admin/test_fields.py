from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from ai_gateway.admin.fields import (
    Body,
    ConfigName,
    LimitsBody,
    ModelNames,
    RouteName,
    Text,
    limits_of,
    merged,
    plain,
    sent_limits,
    stored_limits,
)
from ai_gateway.store.rows import TeamRow


class _Full(Body):
    name: Text
    note: Text | None = None


class _Patch(_Full):
    name: Text = "unset"


def test_a_patch_changes_only_what_it_has() -> None:
    current = _Full(name="a", note="b")
    assert merged(current, _Patch(note=None)) == _Full(name="a", note=None)
    assert merged(current, _Patch()) == current


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\x00", "x" * 201])
def test_text_is_text_that_people_can_read(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python(text)


@pytest.mark.parametrize("name", ["a/b", "", "a b", "x" * 129, "a\n"])
def test_a_route_name_has_no_slash_and_no_blank(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RouteName).validate_python(name)


@pytest.mark.parametrize("name", ["a/b", "", "a b", "x" * 65, "é"])
def test_a_config_name_is_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ConfigName).validate_python(name)


def test_models_are_named_once() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ModelNames).validate_python(["a", "a"])


def test_free_form_json_loses_its_decimals_but_not_its_shape() -> None:
    assert plain({"a": [Decimal("0.5"), 1, None, {"b": "c"}]}) == {"a": [0.5, 1, None, {"b": "c"}]}
    with pytest.raises(ValueError):
        plain(Decimal("1e400"))


def test_limits_go_in_as_dollars_and_come_out_as_dollars() -> None:
    body = LimitsBody.model_validate({"cost_limit_daily": "0.10", "rate_limits": {"max_concurrent": 5}})
    row = TeamRow(id="t", tenant_id="x", created_at=0, name="t", **stored_limits(body))
    assert row.cost_limit_daily == 100_000_000
    assert limits_of(row) == {
        "cost_limit_daily": "0.10",
        "cost_limit_monthly": None,
        "cost_limit_total": None,
        "rate_limits": {"max_concurrent": 5},
    }
    assert stored_limits(LimitsBody.model_construct(**sent_limits(row))) == stored_limits(body)


@pytest.mark.parametrize("limits", [{"max_concurrent": 0}, {"max_concurrent": True}, {"max_concurrent": "5"}, {"x": 1}])
def test_rate_limits_are_positive_integers_of_known_kinds(limits: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LimitsBody.model_validate({"rate_limits": limits})
