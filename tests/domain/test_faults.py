import inspect

import pytest

from ai_gateway.domain import faults
from ai_gateway.domain.faults import ALL_FAULTS, Category, Fault, InvalidRequest, Origin, RateLimited


def test_the_tree_is_closed_one_class_a_category() -> None:
    assert sorted(it.category for it in ALL_FAULTS) == sorted(Category)
    assert set(Fault.__subclasses__()) == set(ALL_FAULTS)


@pytest.mark.parametrize("fault", ALL_FAULTS)
def test_every_ending_says_what_was_wrong_and_what_to_do_next(fault: type[Fault]) -> None:
    it = fault()
    assert it.message.endswith(".")
    assert len(it.action.split()) > 3
    assert 400 <= it.status <= 599
    assert it.code == fault.default_code
    assert it.origin is fault.default_origin
    assert str(it) == it.message


@pytest.mark.parametrize("fault", ALL_FAULTS)
def test_every_ending_stands_in_the_tree_of_the_docstring(fault: type[Fault]) -> None:
    (row,) = [line for line in inspect.getdoc(faults).splitlines() if f" {fault.__name__} " in line]  # type: ignore[union-attr]
    assert row.split()[2:5] == [str(fault.default_status), fault.category.value, fault.default_origin.value]


def test_only_what_may_work_a_second_time_is_called_retryable() -> None:
    retryable = {it.category.value for it in ALL_FAULTS if it.retryable}
    assert retryable == {
        "rate_limit",
        "provider_error",
        "circuit_open",
        "overloaded",
        "timeout",
        "gateway_fault",
    }


def test_who_raises_may_say_it_better_than_the_class() -> None:
    fault = InvalidRequest("Too big.", action="Send less.", code="request_too_large", status=413, param="messages")
    assert (fault.message, fault.action, fault.code) == ("Too big.", "Send less.", "request_too_large")
    assert (fault.status, fault.param, fault.origin) == (413, "messages", Origin.CLIENT)
    assert RateLimited(origin=Origin.PROVIDER).origin is Origin.PROVIDER
