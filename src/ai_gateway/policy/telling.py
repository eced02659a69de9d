"""What of a fault a caller is told, and in which words: the last step before it is written in his dialect.

First what he may not know is left out, then the words are chosen. The fault itself stays as it is, for the decision
record, the log and the metrics.
"""

from collections.abc import Mapping
from typing import Final

from ai_gateway.domain.faults import Fault, InvalidRequest, NotFound
from ai_gateway.domain.wording import Wording
from ai_gateway.policy.discretion import names_a_provider
from ai_gateway.policy.wording import reworded

_UNQUOTED: Final[Mapping[type[Fault], str]] = {
    InvalidRequest: "The AI provider refused the request.",
    NotFound: "The AI provider does not know what it was asked for.",
}
"""Of the sentences that quote a provider, what is left without the quotation."""


def tell(fault: Fault, request_id: str, wording: Wording | None) -> Fault:
    """The fault in a tenant's words; the same object where those are the ones that it has."""
    if wording is None:
        return fault
    message, action = reworded(fault, request_id, wording)
    if (message, action) == (fault.message, fault.action):
        return fault
    return fault.retold(message, action, param=fault.param, provider_error=fault.provider_error)


def without_providers(fault: Fault) -> Fault:
    """The fault for callers who are told of no provider: nothing that one has said, and none of its names."""
    message, action = fault.message, fault.action
    if fault.provider_error is not None:
        message = _UNQUOTED.get(type(fault), message)
    if names_a_provider(message):
        message = fault.default_message
    if names_a_provider(action):
        action = fault.default_action
    param = fault.param if fault.provider_error is None else None
    return fault.retold(message, action, param=param, provider_error=None)
