"""A fault as this caller may hear it: on routes that hide their providers without them, and in his tenant's words."""

from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Head
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.client import Client
from ai_gateway.policy.telling import tell, without_providers


def told(fault: Fault, client: Client, head: Head, admitted: Admitted | None) -> Fault:
    """`admitted` None: nobody knows whose caller it is, so he is told in English."""
    if client.hides_providers:
        fault = without_providers(fault)
    return fault if admitted is None else tell(fault, head.request_id, admitted.caller.tenant.wording)
