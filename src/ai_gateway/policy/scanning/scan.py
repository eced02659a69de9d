"""A rule that finds something, compiled: what it looks for is decided once, when the configuration is loaded."""

from typing import Final, final

import msgspec

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import MakePipe, Tally, TextPipe
from ai_gateway.policy.scanning import grammar
from ai_gateway.policy.scanning.detecting import DetectorFinder
from ai_gateway.policy.scanning.detectors import ALL
from ai_gateway.policy.scanning.engine import Refused
from ai_gateway.policy.scanning.finding import Finder, Found
from ai_gateway.policy.scanning.patterns import PatternFinder
from ai_gateway.policy.scanning.pipe import ScanPipe
from ai_gateway.policy.scanning.words import WordFinder

LONGEST_MATCH: Final = 4_096
MOST_WORDS: Final = 256
LONGEST_WORD: Final = 100
LONGEST_PATTERN: Final = 16_384


class ScanSpec(msgspec.Struct, frozen=True):
    """What is looked for: names of detectors, a pattern whose matches are at most `max_length` characters, words."""

    detect: tuple[str, ...] = ()
    pattern: str | None = None
    max_length: int = 256
    words: tuple[str, ...] = ()


class SpecError(ValueError):
    """`member` of the spec is wrong; the text says how, for people."""

    def __init__(self, member: str, text: str) -> None:
        super().__init__(text)
        self.member = member


@final
class Scan:
    __slots__ = ("_finders",)

    def __init__(self, finders: tuple[Finder, ...]) -> None:
        self._finders: Final = finders

    def spares(self, text: str) -> bool:
        """Whether nothing is found in the whole of a text. Raises RuleError."""
        for finder in self._finders:
            if len(text) >= finder.shortest and finder.view(text).first(0) is not None:
                return False
        return True

    def redactor(self, rule: int, replacement: str) -> MakePipe:
        """Puts `replacement` in the place of what is found."""

        def make(tally: Tally) -> TextPipe:
            def on_found(found: Found) -> str:
                tally.found(rule, f"redacted {found.what}")
                return replacement

            return ScanPipe(self._finders, on_found)

        return make

    def blocker(self, rule: int, message: str | None = None) -> MakePipe:
        """Raises Blocked, with `message` or one that names what kind of thing was found, never the text."""

        def make(tally: Tally) -> TextPipe:
            def on_found(found: Found) -> str:
                tally.found(rule, f"blocked {found.what}")
                raise Blocked(message or _said(found.what), detail=f"rule {rule}: {found.what}")

            return ScanPipe(self._finders, on_found)

        return make


def _said(what: str) -> str:
    detector = ALL.get(what)
    return f"A rule of your organisation blocked this text: it has {_NAMES[what] if detector else _OTHERS[what]} in it."


_NAMES: Final = {
    "email": "an e-mail address (email)",
    "phone": "a telephone number (phone)",
    "card": "a payment card number (card)",
    "api_key": "an API key (api_key)",
    "secret": "a secret (secret)",
    "iban": "a bank account number (iban)",
    "ssn": "a social security number (ssn)",
    "ip_address": "an IP address (ip_address)",
}
_OTHERS: Final = {"pattern": "something that matches a forbidden pattern", "word": "a forbidden word"}


def compile_scan(spec: ScanSpec) -> Scan:
    """Raises SpecError, a ValueError with a text for people."""
    if not spec.detect and spec.pattern is None and not spec.words:
        raise SpecError("detect", "there is nothing to look for; name detectors, a pattern or words")
    finders: list[Finder] = []
    if spec.detect:
        finders.append(_detectors(spec.detect))
    if spec.pattern is not None:
        finders.append(_pattern(spec.pattern, spec.max_length))
    if spec.words:
        finders.append(_words(spec.words))
    return Scan(tuple(finders))


def _detectors(names: tuple[str, ...]) -> DetectorFinder:
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        raise SpecError("detect", f"'{unknown[0]}' is no detector; there are {', '.join(ALL)}")
    return DetectorFinder(tuple(ALL[name] for name in dict.fromkeys(names)))


def _pattern(pattern: str, max_length: int) -> PatternFinder:
    if not 1 <= max_length <= LONGEST_MATCH:
        raise SpecError("max_length", f"{max_length} is not between 1 and {LONGEST_MATCH} characters")
    if len(pattern) > LONGEST_PATTERN:
        raise SpecError("pattern", f"it is longer than {LONGEST_PATTERN} characters")
    try:
        finder = PatternFinder(pattern, max_length)
    except Refused as refused:
        raise SpecError("pattern", str(refused)) from None
    if grammar.may_be_empty(finder.node):
        raise SpecError("pattern", "it matches the empty text; ask for at least one character")
    if finder.shortest > max_length:
        raise SpecError("pattern", f"all its matches are longer than 'max_length', which is {max_length} characters")
    return finder


def _words(words: tuple[str, ...]) -> WordFinder:
    if len(words) > MOST_WORDS:
        raise SpecError("words", f"there are {len(words)} words; {MOST_WORDS} are allowed, use several rules")
    for word in words:
        if not word.strip():
            raise SpecError("words", "an empty word is in every text")
        if len(word) > LONGEST_WORD:
            raise SpecError("words", f"'{word[:20]}...' is longer than {LONGEST_WORD} characters")
    return WordFinder(tuple(word.strip() for word in words))
