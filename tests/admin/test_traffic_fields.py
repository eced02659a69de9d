from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from ai_gateway.admin.pools import PoolBody
from ai_gateway.admin.traffic_fields import (
    BreakerBody,
    FailedAttemptsWord,
    OnContentFilterWord,
    OnDisconnectWord,
    OnStreamCutWord,
    QueueBody,
    RetriesBody,
    StickyBy,
    TimeoutsBody,
    dumped,
    rebuilt,
)
from ai_gateway.domain.config import (
    BreakerSettings,
    FailedAttempts,
    OnContentFilter,
    OnDisconnect,
    OnStreamCut,
    QueueLimits,
    Retries,
    Strategy,
    Timeouts,
)


@pytest.mark.parametrize(
    ("word", "enum"),
    [
        (OnStreamCutWord, OnStreamCut),
        (OnContentFilterWord, OnContentFilter),
        (OnDisconnectWord, OnDisconnect),
        (FailedAttemptsWord, FailedAttempts),
    ],
    ids=str,
)
def test_every_word_of_the_data_plane_may_be_said(word: Any, enum: Any) -> None:
    assert sorted(get_args(word)) == sorted(enum)


def test_every_strategy_may_be_said() -> None:
    assert sorted(get_args(PoolBody.model_fields["strategy"].annotation)) == sorted(Strategy)


@pytest.mark.parametrize(
    ("body", "struct"),
    [(TimeoutsBody, Timeouts), (BreakerBody, BreakerSettings), (RetriesBody, Retries), (QueueBody, QueueLimits)],
)
def test_a_body_says_what_the_data_plane_knows_with_the_same_defaults(body: Any, struct: Any) -> None:
    assert set(body.model_fields) == set(struct.__struct_fields__)
    said = body().model_dump(exclude_none=True)
    assert said == {name: getattr(struct(), name) for name in said}


@pytest.mark.parametrize(
    ("body", "fields", "wanted"),
    [
        (TimeoutsBody, {"total": 10, "first_token": 10.5}, "first_token"),
        (TimeoutsBody, {"total": 1, "connect": 5}, "connect"),
        (BreakerBody, {"recovery_timeout_seconds": 60, "longest_open_seconds": 59}, "recovery_timeout_seconds"),
        (RetriesBody, {"base_seconds": 2, "cap_seconds": 1}, "base_seconds"),
        (RetriesBody, {"base_seconds": 9}, "cap_seconds"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused_and_named(body: Any, fields: dict[str, Any], wanted: str):
    with pytest.raises(ValidationError) as refused:
        body.model_validate(fields)
    assert wanted in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (TimeoutsBody, {"total": 5, "first_token": 5}),
        (TimeoutsBody, {"first_token": 5000}),
        (BreakerBody, {"recovery_timeout_seconds": 600}),
        (BreakerBody, {"failure_rate": 1, "minimum_requests": 1, "window_seconds": 600}),
        (RetriesBody, {"base_seconds": 8}),
    ],
)
def test_numbers_that_only_meet_are_taken(body: Any, fields: dict[str, Any]) -> None:
    assert {name: getattr(body.model_validate(fields), name) for name in fields} == fields


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (TimeoutsBody, "total", 0),
        (TimeoutsBody, "total", 86_401),
        (BreakerBody, "failure_rate", 0),
        (BreakerBody, "failure_rate", 1.01),
        (BreakerBody, "window_seconds", 0.5),
        (BreakerBody, "window_seconds", 601),
        (BreakerBody, "success_threshold", 0),
        (RetriesBody, "max_attempts", 21),
        (QueueBody, "max_waiting", 0),
        (QueueBody, "max_waiting", 1_000_001),
        (QueueBody, "timeout_seconds", 0),
    ],
)
def test_a_number_beyond_its_bounds_is_refused(body: Any, field: str, value: float) -> None:
    with pytest.raises(ValidationError):
        body.model_validate({field: value})


@pytest.mark.parametrize("text", ["user", "header:x-session-id", "header:X_Tenant"])
def test_requests_may_stick_by_the_user_or_a_header(text: str) -> None:
    assert TypeAdapter(StickyBy).validate_python(text) == text


@pytest.mark.parametrize("text", ["", "users", "header:", "header:a b", "header:ä", "header:" + "a" * 65, "cookie:x"])
def test_anything_else_is_refused_with_what_may_be_said(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(StickyBy).validate_python(text)
    assert "header:x-session-id" in refused.value.errors()[0]["msg"]


def test_what_was_not_said_is_not_stored() -> None:
    assert dumped(None) is None
    assert dumped(TimeoutsBody(total=5.0)) == {"total": 5.0}


def test_what_an_older_version_stored_is_a_body_again_whatever_the_bounds_are_today() -> None:
    assert rebuilt(QueueBody, None) is None
    odd = rebuilt(TimeoutsBody, {"total": 1.0, "connect": 5.0})
    assert dumped(odd) == {"total": 1.0, "connect": 5.0}
