import pytest

from ai_gateway.domain.faults import Category, Fault, Origin
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.attempt_faults import differs, draining, fault_on_the_wire, outcome_on_the_wire
from ai_gateway.gateway.client import Client
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, TooSlow, UpstreamError

WIRE: dict[str, tuple[UpstreamError, str]] = {
    "too slow": (TooSlow("first byte"), "provider_timeout"),
    "not allowed": (EgressRefused("10.0.0.1"), "egress_denied"),
    "not there": (CannotConnect("refused"), "provider_unreachable"),
    "broken": (Broken("reset"), "provider_connection_lost"),
}


@pytest.mark.parametrize(("error", "code"), WIRE.values(), ids=WIRE)
def test_each_end_on_the_wire_has_its_code_and_keeps_its_detail_from_callers(error: UpstreamError, code: str) -> None:
    fault = fault_on_the_wire(error, "for the log")
    assert (fault.code, fault.detail) == (code, "for the log")
    assert "for the log" not in fault.message


def test_an_address_that_may_not_be_called_is_policy() -> None:
    assert fault_on_the_wire(EgressRefused("x"), "").origin is Origin.POLICY


async def _never() -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "committed", "outcome"),
    [
        (TooSlow("first byte"), False, Outcome.TIMEOUT),
        (TooSlow("between bytes"), True, Outcome.TIMEOUT),
        (Broken("reset"), False, Outcome.PROVIDER_ERROR),
        (Broken("reset"), True, Outcome.CUT),
    ],
)
async def test_what_breaks_once_the_caller_has_a_part_is_a_cut(
    error: UpstreamError, committed: bool, outcome: Outcome
) -> None:
    client = Client({}, _never, _never)  # type: ignore[arg-type]
    client.committed = committed
    assert outcome_on_the_wire(error, client) is outcome


def test_the_gateways_own_end_is_said_to_be_short() -> None:
    fault: Fault = draining()
    assert (fault.status, fault.code, fault.retry_after_seconds) == (503, "draining", 1)


def test_an_answer_that_went_on_otherwise_is_the_providers() -> None:
    assert (differs().category, differs().code) == (Category.PROVIDER_ERROR, "continuation_differs")
