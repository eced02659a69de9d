"""Text that is looked through on its way: what rules find in it, and what takes its place.

Everything here is a TextPipe: the output depends on the text alone, never on the pieces in which it came, and little is
held back. A match is the leftmost, then the longest; matches do not overlap; each is at most as long as its bound (256
characters for detectors, which may swallow more behind it; `max_length` for patterns). Detectors and words look through
a lens (lens.py) that shows look-alikes as what they look like; patterns see the text as it is. What is hidden by
spelling (one two three), by other encodings (base64, hexadecimal), by spaces between all digits or letters, or by being
divided over several texts is not found.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.policy.scanning.arguments import arguments_pipe
from ai_gateway.policy.scanning.chain import chain
from ai_gateway.policy.scanning.detectors import ALL
from ai_gateway.policy.scanning.replace import Replacer, compile_replace
from ai_gateway.policy.scanning.rewriting import rewrite_json
from ai_gateway.policy.scanning.scan import Scan, ScanSpec, SpecError, compile_scan

DETECTORS: Final[Mapping[str, str]] = MappingProxyType({name: detector.about for name, detector in ALL.items()})
"""What is found, in a line each."""

__all__ = [
    "DETECTORS",
    "Replacer",
    "Scan",
    "ScanSpec",
    "SpecError",
    "arguments_pipe",
    "chain",
    "compile_replace",
    "compile_scan",
    "rewrite_json",
]
