"""What is said of an attempt that ended in no answer of the provider's: on the wire, by the gateway's own end, or in a
continuation that was none."""

from ai_gateway.domain.faults import Fault, GatewayFault, Origin, ProviderFailed, ProviderTooSlow
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.client import Client
from ai_gateway.runtime.upstream import CannotConnect, EgressRefused, TooSlow, UpstreamError


def draining() -> Fault:
    return GatewayFault(
        "The gateway is restarting and could not wait for this answer to end.",
        code="draining",
        retry_after_seconds=1,
    )


def fault_on_the_wire(error: UpstreamError, detail: str) -> Fault:
    if isinstance(error, TooSlow):
        return ProviderTooSlow(detail=detail)
    if isinstance(error, EgressRefused):
        return ProviderFailed(
            "The address that is configured for this AI provider may not be called.",
            action="Ask your gateway administrator to check the provider's endpoint_url.",
            code="egress_denied",
            origin=Origin.POLICY,
            detail=detail,
        )
    if isinstance(error, CannotConnect):
        return ProviderFailed("The AI provider cannot be reached.", code="provider_unreachable", detail=detail)
    return ProviderFailed("The connection to the AI provider broke.", code="provider_connection_lost", detail=detail)


def outcome_on_the_wire(error: UpstreamError, client: Client) -> Outcome:
    if isinstance(error, TooSlow):
        return Outcome.TIMEOUT
    return Outcome.CUT if client.committed else Outcome.PROVIDER_ERROR


def differs() -> Fault:
    return ProviderFailed(
        "The answer could not be continued: the AI provider answered differently when it was asked again.",
        code="continuation_differs",
    )
