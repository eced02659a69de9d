import pytest

from ai_gateway.admin.provider_fields import (
    ProviderBody,
    body_of,
    columns_of,
    destination,
    is_environment,
)
from ai_gateway.store.rows import EnhancedProviderConfig


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("openai", "https://a.example/v1"), ("openai", "https://A.example:443/v2"), True),
        (("openai", "https://a.example/v1"), ("openai", "http://a.example/v1"), False),
        (("openai", "https://a.example/v1"), ("openai", "https://a.example:8443/v1"), False),
        (("openai", "https://a.example"), ("openai", "https://b.example"), False),
        (("openai", None), ("openai", "https://b.example"), False),
        (("openai", None), ("anthropic", None), False),
        (("openai", "mock://openai"), ("mock", None), True),
    ],
)
def test_a_destination_is_who_would_get_the_key(
    one: tuple[str, str | None], other: tuple[str, str | None], same: bool
) -> None:
    assert (destination(*one) == destination(*other)) is same


def test_a_body_survives_being_a_row() -> None:
    body = ProviderBody.model_validate(
        {
            "name": "up",
            "provider": "openai",
            "models": ["a"],
            "rate_limits": {"max_concurrent": 2},
            "timeouts": {"connect": 5},
            "weight": 7,
            "queue": {"max_waiting": 3},
            "paid_check_model": "a",
        }
    )
    row = EnhancedProviderConfig(id="p", tenant_id="t", created_at=0, **columns_of(body))
    assert columns_of(body_of(row)) == columns_of(body)
    assert (row.timeouts, row.paid_check_model) == ({"connect": 5.0}, "a")
    assert row.queue == {"max_waiting": 3, "timeout_seconds": 30.0}


def test_times_of_an_older_version_that_contradict_each_other_are_still_a_body() -> None:
    row = EnhancedProviderConfig(
        id="p", tenant_id="t", created_at=0, name="up", provider="openai", timeouts={"connect": 9.0, "total": 1.0}
    )
    assert columns_of(body_of(row))["timeouts"] == {"connect": 9.0, "total": 1.0}


def test_only_a_name_of_the_environment_is_one() -> None:
    assert is_environment("env:X")
    assert not is_environment("provider:x")
    assert not is_environment(None)
