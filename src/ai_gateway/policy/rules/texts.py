"""Rules about what texts say: words replaced, what nobody may see made unreadable, what nobody may say refused.

The text of a request and that of an answer, whole or streamed, go through the same pipes, and so do the arguments of
tool calls: a secret is one wherever it stands.
"""

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec

from ai_gateway.domain.rules import Effect, Facts, MakePipe, PipeText, ReplaceNames, RequestForm, Tally
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.written import Line, Lines, Made, OnAny, Placed, Written, kind_of
from ai_gateway.policy.scanning import DETECTORS, Scan, ScanSpec, SpecError, compile_replace, compile_scan

_DEFAULT_MAX_LENGTH: Final = 256
_Place = Literal["model", "content", "headers"]
_Detectors = Annotated[
    tuple[Line, ...],
    msgspec.Meta(min_length=1, max_length=32, extra_json_schema={"items": {"enum": sorted(DETECTORS)}}),
]


class ReplaceText(Written, frozen=True, kw_only=True, tag="replace_text"):
    """`in`: the text of people and models ("content"), the answer's `model`, ids and fingerprint ("model"), its headers
    ("headers"; then no header or id tells the provider either). A word that is split over chunks of a stream is found.
    In a request there is only "content"."""

    on: OnAny
    old: Line = msgspec.field(name="from")
    new: Annotated[str, msgspec.Meta(max_length=256)] = msgspec.field(name="to")
    places: Annotated[tuple[_Place, ...], msgspec.Meta(min_length=1, max_length=3)] = msgspec.field(
        name="in", default=("content",)
    )
    ignore_case: bool = False


class _Scanned(Written, frozen=True, kw_only=True):
    on: OnAny
    detect: _Detectors | None = None
    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    words: Lines | None = None


class Redact(_Scanned, frozen=True, kw_only=True, tag="redact"):
    """What is found becomes `with`. `pattern`: a regular expression (RE2) whose matches have at most `max_length`
    characters, 256 unless said: so much of a stream is held back. `words`: a list of words."""

    replacement: Annotated[str, msgspec.Meta(max_length=256)] = msgspec.field(name="with", default="[redacted]")


class Block(_Scanned, frozen=True, kw_only=True, tag="block"):
    """A request or answer in which it is found is refused. `message`: what the caller is told."""

    message: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None


def make_replace_text(rule: ReplaceText, placed: Placed) -> Made:
    if placed.is_on_request and "content" not in rule.places:
        raise RuleRefused(placed.at("in"), "must have 'content' in it: a request has no other text to replace")
    if placed.sides == ("request",) and len(set(rule.places)) > 1:
        raise RuleRefused(placed.at("in"), "may only be 'content': the rest is of answers")
    try:
        replacer = compile_replace(rule.old, rule.new, rule.ignore_case)
    except ValueError as error:
        raise RuleRefused(placed.at("from"), str(error)) from None
    effects: list[Effect] = [PipeText(replacer.pipe)] if "content" in rule.places else []
    if "model" in rule.places or "headers" in rule.places:
        effects.append(ReplaceNames(replacer.replace, "model" in rule.places, "headers" in rule.places))
    return _made(placed, replacer.pipe, tuple(effects))


def make_redact(rule: Redact, placed: Placed) -> Made:
    scan = _scan(rule, placed)
    pipe = scan.redactor(placed.number, rule.replacement)
    return _made(placed, pipe, (PipeText(pipe),), scan.spares)


def make_block(rule: Block, placed: Placed) -> Made:
    scan = _scan(rule, placed)
    pipe = scan.blocker(placed.number, rule.message)

    def look(form: RequestForm, facts: Facts, tally: Tally) -> None:
        for text in form.texts():
            if not scan.spares(text):
                reader = pipe(tally)
                reader.feed(text)
                reader.end()

    return Made(
        act=look if placed.is_on_request else None,
        effects=(PipeText(pipe),) if placed.is_on_response else (),
    )


def _made(
    placed: Placed, pipe: MakePipe, effects: tuple[Effect, ...], spares: Callable[[str], bool] | None = None
) -> Made:
    def rewrite(form: RequestForm, facts: Facts, tally: Tally) -> None:
        form.rewrite(lambda: pipe(tally), spares)

    return Made(
        act=rewrite if placed.is_on_request else None,
        effects=effects if placed.is_on_response else (),
    )


def _scan(rule: _Scanned, placed: Placed) -> Scan:
    if rule.detect is None and rule.pattern is None and rule.words is None:
        raise RuleRefused(placed.at("detect"), "is what to look for; give 'detect', 'pattern' or 'words'")
    if rule.max_length is not None and rule.pattern is None:
        raise RuleRefused(placed.at("max_length"), "is for a 'pattern', and there is none")
    for index, name in enumerate(rule.detect or ()):
        if name not in DETECTORS:
            raise RuleRefused(placed.at(f"detect[{index}]"), f"must be one of {', '.join(DETECTORS)}")
    spec = ScanSpec(
        detect=tuple(dict.fromkeys(rule.detect or ())),
        pattern=rule.pattern,
        max_length=rule.max_length or _DEFAULT_MAX_LENGTH,
        words=rule.words or (),
    )
    try:
        return compile_scan(spec)
    except SpecError as error:
        raise RuleRefused(placed.at(error.member), str(error)) from None


KINDS: Final = (kind_of(ReplaceText, make_replace_text), kind_of(Redact, make_redact), kind_of(Block, make_block))
