import pytest

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.faults import ALL_FAULTS, Fault
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway.admission import admit
from ai_gateway.gateway.receipts import Attempt, Measured, draft_receipt, outcome_of, write_receipt
from support.builders import TOKEN, a_call, a_candidate, a_head, a_shaped
from support.clock import NOON
from support.line import a_line

STARTED = 1_000.0


async def written(measured: Measured, operation: Operation = Operation.CHAT) -> Receipt:
    line = await a_line()
    head = a_head(operation=operation, credentials=(TOKEN.encode(),))
    attempt = Attempt(id="att_1", candidate=a_candidate(), started=STARTED, started_wall=NOON)
    shaped = a_shaped(a_call(head, body_bytes=101))
    return write_receipt(draft_receipt(admit(line.doors, head), shaped, attempt, 20_454), attempt, measured)


async def test_what_a_provider_reported_is_believed() -> None:
    receipt = await written(Measured(Outcome.OK, STARTED + 2, Usage(input_tokens=12, output_tokens=3), STARTED + 0.5))
    assert (receipt.usage, receipt.estimated) == (Usage(input_tokens=12, output_tokens=3), False)
    assert (receipt.cost_nano_usd, receipt.priced) == (3_600, True)
    assert (receipt.ttft_ms, receipt.total_ms) == (500.0, 2_000.0)


async def test_zero_is_a_report() -> None:
    receipt = await written(Measured(Outcome.OK, STARTED, Usage(), delivered_tokens=7))
    assert (receipt.usage, receipt.estimated, receipt.cost_nano_usd) == (Usage(), False, 0)


async def test_what_was_delivered_without_a_report_is_estimated_and_says_so() -> None:
    receipt = await written(Measured(Outcome.CUT, STARTED, None, STARTED, delivered_tokens=7))
    # 101 bytes are 26 tokens of four bytes, rounded up
    assert (receipt.usage, receipt.estimated) == (Usage(input_tokens=26, output_tokens=7), True)


async def test_nothing_is_owed_where_no_provider_began_to_answer() -> None:
    receipt = await written(Measured(Outcome.PROVIDER_ERROR, STARTED))
    assert (receipt.usage, receipt.estimated, receipt.cost_nano_usd) == (Usage(), False, 0)
    assert receipt.ttft_ms is None


async def test_counting_tokens_costs_nothing_and_is_never_estimated() -> None:
    receipt = await written(Measured(Outcome.CANCELLED, STARTED, None, None, 0), Operation.COUNT_TOKENS)
    assert (receipt.usage, receipt.estimated, receipt.cost_nano_usd, receipt.priced) == (Usage(), False, 0, True)


CALLERS = {"invalid_request", "context_length", "content_filter", "not_found"}


@pytest.mark.parametrize("kind", ALL_FAULTS)
def test_a_fault_is_the_callers_a_timeout_or_the_providers(kind: type[Fault]) -> None:
    expected = Outcome.PROVIDER_ERROR
    if kind.category.value in CALLERS:
        expected = Outcome.CLIENT_ERROR
    elif kind.category.value == "timeout":
        expected = Outcome.TIMEOUT
    assert outcome_of(kind()) is expected
