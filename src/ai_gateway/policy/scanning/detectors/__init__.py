"""What is found without a pattern of one's own: one row a detector."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.policy.scanning.detectors.addresses import EMAIL, IP_ADDRESS
from ai_gateway.policy.scanning.detectors.keys import API_KEY
from ai_gateway.policy.scanning.detectors.numbers import CARD, IBAN, PHONE, SSN
from ai_gateway.policy.scanning.detectors.secrets import SECRET
from ai_gateway.policy.scanning.detectors.shape import Detector

ALL: Final[Mapping[str, Detector]] = MappingProxyType(
    {it.name: it for it in (EMAIL, PHONE, CARD, API_KEY, SECRET, IBAN, SSN, IP_ADDRESS)}
)
