"""Receipts of the line as rows of the ledger, and back: the two sides share no type, so that the line never learns
what a row is and the ledger may grow columns."""

from typing import Literal, cast, final

from ai_gateway.domain.chat import Operation, ServiceTier, Usage
from ai_gateway.domain.config import Ownership, ProviderType
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.store.records import Store, StoreUnavailable
from ai_gateway.store.rows import LedgerRow


def row_of(receipt: Receipt) -> LedgerRow:
    """`_value_`: an enum member's `value` is a property in Python, and five of them a row are a tenth of its price."""
    usage = receipt.usage
    return LedgerRow(
        request_id=receipt.request_id,
        attempt_id=receipt.attempt_id,
        kind=receipt.kind,
        tenant_id=receipt.tenant_id,
        department_id=receipt.department_id,
        team_id=receipt.team_id,
        user_id=receipt.user_id,
        key_id=receipt.key_id,
        requested_model=receipt.requested_model,
        model=receipt.model,
        endpoint=receipt.endpoint,
        provider=receipt.provider._value_,
        route=receipt.route,
        operation=receipt.operation._value_,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        audio_input_tokens=usage.audio_input_tokens,
        audio_output_tokens=usage.audio_output_tokens,
        image_input_tokens=usage.image_input_tokens,
        service_tier=usage.service_tier._value_,
        cost_nano_usd=receipt.cost_nano_usd,
        priced=receipt.priced,
        price_version=receipt.price_version,
        credential=receipt.credential._value_,
        outcome=receipt.outcome._value_,
        estimated=receipt.estimated,
        started_at=receipt.started_at,
        ttft_ms=receipt.ttft_ms,
        total_ms=receipt.total_ms,
        revision=receipt.revision,
        client_request_id=receipt.client_request_id,
        day=receipt.day,
        delivered_tokens=receipt.delivered_tokens,
        cached=receipt.cached,
    )


def receipt_of(row: LedgerRow) -> Receipt:
    return Receipt(
        request_id=row.request_id,
        attempt_id=row.attempt_id,
        tenant_id=row.tenant_id,
        key_id=row.key_id,
        requested_model=row.requested_model,
        model=row.model,
        endpoint=row.endpoint,
        provider=ProviderType(row.provider),
        usage=Usage(
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cache_read_tokens=row.cache_read_tokens,
            cache_write_5m_tokens=row.cache_write_5m_tokens,
            cache_write_1h_tokens=row.cache_write_1h_tokens,
            reasoning_tokens=row.reasoning_tokens,
            audio_input_tokens=row.audio_input_tokens,
            audio_output_tokens=row.audio_output_tokens,
            image_input_tokens=row.image_input_tokens,
            service_tier=ServiceTier(row.service_tier),
        ),
        cost_nano_usd=row.cost_nano_usd,
        priced=row.priced,
        price_version=row.price_version,
        credential=Ownership(row.credential),
        outcome=Outcome(row.outcome),
        estimated=row.estimated,
        started_at=row.started_at,
        ttft_ms=row.ttft_ms,
        total_ms=row.total_ms,
        operation=Operation(row.operation),
        revision=row.revision,
        route=row.route,
        team_id=row.team_id,
        department_id=row.department_id,
        user_id=row.user_id,
        kind=cast(Literal["charge", "adjust"], row.kind),
        client_request_id=row.client_request_id,
        day=row.day,
        delivered_tokens=row.delivered_tokens,
        cached=row.cached,
    )


@final
class LedgerHistory:
    """The door through which the line asks for settled requests (`runtime.ports.History`)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def receipts_of(self, tenant_id: str, request_id: str) -> list[Receipt]:
        """Raises ConnectionError while the database is away."""
        try:
            rows = await self._store.page_ledger(tenant_id, request_id=request_id)
        except StoreUnavailable as error:
            raise ConnectionError("the ledger cannot be read") from error
        return [receipt_of(row) for row in reversed(rows)]
