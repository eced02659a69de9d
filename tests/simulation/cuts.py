"""Streams that are cut at a random byte, each in a course of four endpoints of which each may break too, refuse, begin
again or say something else, in virtual time and through the whole line; every run from its seed.

    PYTHONPATH=src:tests .venv/bin/python -m simulation.cuts [STREAMS] [SEED]

prints what the issue's own cases and so many random cuts (1,000) came to. `whole` has its proper end and every word,
`error` ends in the dialect's error event, `refused` never began. `truncated` has a proper end and not every word,
`repeated` a word that is not where it belongs: of both there has to be none. `longest` is in seconds.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import BreakerSettings, Retries, Timeouts
from ai_gateway.runtime.upstream import Broken
from gateway.survivors import (
    World,
    a_speaker,
    a_world,
    all_again,
    body_of,
    error,
    failing,
    path_of,
    prefill_of,
    streaming,
    the_rest,
    tier,
)
from providers.halves import TEXT, a_stream, read
from support.builders import CLAUDE
from support.upstream import Pause, Play, Script, Step
from support.wire import CHAT_ERROR_EVENT, MESSAGES_ERROR_EVENT, cut_anywhere

DIALECTS: Final = (Dialect.OPENAI, Dialect.ANTHROPIC)
OPUS: Final = "claude-opus-4-6"
"""It refuses a prefill, as the haiku does not."""
CUT, STALL = Broken("reset"), Pause(9_999)
MALFORMED: Final = b'data: {"choices":[{"del\n\n'
ERRORS: Final = {Dialect.OPENAI: CHAT_ERROR_EVENT, Dialect.ANTHROPIC: MESSAGES_ERROR_EVENT}
REFUSED: Final = error(400, "invalid_request_error", "This model does not support assistant message prefill.")
FORTY: Final = 43
"""Events: some forty pieces of text, after what comes before them."""
PAIR: Final = ("one", "two")
BETWEEN: Final = 15.0
TIMEOUTS: Final = Timeouts(first_token=30.0, between_tokens=BETWEEN, total=300.0)
FEARLESS: Final = BreakerSettings(failure_threshold=10_000, minimum_requests=10_000)
STARTED: Final = 1_000.0

CUTS: Final[list[Callable[[Dialect], tuple[Step, ...]]]] = [
    lambda dialect: (CUT,),
    lambda dialect: (),
    lambda dialect: (STALL,),
    lambda dialect: (b"\n\n", ERRORS[dialect]),
]


class Told(NamedTuple):
    """What became of one stream: how it ended, how many attempts it took, and the virtual seconds."""

    end: str
    attempts: int
    seconds: float


def broken(dialect: Dialect, *ending: Step, events: int = FORTY) -> Script:
    return streaming(*a_stream(dialect)[:events], *(ending or (CUT,)))


async def random_cut(dialect: Dialect, seed: int) -> Told:
    """Another text is an answer of its own, of which nothing may be mixed with this one."""
    rng = Random(seed)
    model = rng.choice([CLAUDE, OPUS])
    members = [a_speaker(it, model, timeouts=TIMEOUTS) for it in ("one", "two", "three")]
    stages = tier(*members, breaker=FEARLESS), tier(a_speaker("spare", CLAUDE, timeouts=TIMEOUTS), breaker=FEARLESS)
    world = await a_world(*stages, retries=Retries(max_attempts=rng.randrange(1, 6)))
    other = TEXT[: rng.randrange(len(TEXT))] + "#" + TEXT[rng.randrange(len(TEXT)) :]
    world.providers.will("one", cut_somewhere(dialect, rng, "1"), follower(dialect, rng, "5", other))
    for place, name in enumerate(("two", "three", "spare")):
        world.providers.will(name, follower(dialect, rng, str(place + 2), other))
    return await told(world, dialect, TEXT, other)


async def told(world: World, dialect: Dialect, *answers: str) -> Told:
    """One stream of which these are the whole answers; asserts that nothing was left behind."""
    answered = await world.line.post(path_of(dialect), body_of(dialect))
    world.assert_quiet()
    attempts, seconds = len(world.line.receipts), world.line.clock.now() - STARTED
    if answered.status != 200:
        assert "error" in msgspec.json.decode(answered.body)
        return Told("refused", attempts, seconds)
    seen = read(dialect, answered.body)
    if not any(it.startswith(seen.text) for it in answers):
        return Told("repeated", attempts, seconds)
    if not answered.whole or (seen.end == "proper" and seen.text not in answers):
        return Told("truncated", attempts, seconds)
    return Told("whole" if seen.end == "proper" else seen.end, attempts, seconds)


def cut_somewhere(dialect: Dialect, rng: Random, serial: str) -> Play:
    """The answer, or the rest that is asked for, perhaps with a malformed event in it, cut at any byte."""

    def play(request: object) -> Script:
        events = a_stream(dialect, TEXT[len(prefill_of(request)) :], serial)  # type: ignore[arg-type]
        if rng.random() < 0.3:
            events.insert(rng.randrange(1, len(events)), MALFORMED)
        body = b"".join(events)
        body = body[: rng.randrange(2, len(body))]
        pieces = cut_anywhere(body, rng, min(len(body) - 1, rng.randrange(1, 60)))
        return streaming(*pieces, *rng.choice(CUTS)(dialect))

    return play


def follower(dialect: Dialect, rng: Random, serial: str, other: str) -> Script | Play:
    plays: list[Script | Play] = [
        the_rest(dialect, serial),
        streaming(*cut_anywhere(b"".join(a_stream(dialect, serial=serial)), rng, 30)),
        streaming(*a_stream(dialect, serial=serial)[:-1]),
        cut_somewhere(dialect, rng, serial),
        cut_somewhere(dialect, rng, serial),
        REFUSED,
        failing(CUT),
        lambda request: streaming(*a_stream(dialect, TEXT if prefill_of(request) else other, serial)),
    ]
    return rng.choice(plays)


class Case(NamedTuple):
    """What each of a pair of endpoints plays, of which the second is `model`'s."""

    name: str
    first: Callable[[Dialect], Script]
    second: Callable[[Dialect], Script | Play]
    model: str = CLAUDE


CASES: Final = (
    Case("cut after 40 of 60 tokens", lambda it: broken(it), the_rest),
    Case("cut, and who goes on refuses prefill", lambda it: broken(it), lambda it: _refusing_prefill(it)),
    Case("cut, and nobody here takes prefill", lambda it: broken(it), all_again, OPUS),
    Case("cut, and nobody goes on", lambda it: broken(it), lambda it: failing(CUT)),
    Case("a stall", lambda it: broken(it, STALL), the_rest),
    Case("an error event in the middle", lambda it: broken(it, ERRORS[it]), the_rest),
    Case("an error event at the beginning", lambda it: streaming(ERRORS[it]), all_again),
    Case("a malformed event", lambda it: streaming(*_with(a_stream(it), MALFORMED)), lambda it: REFUSED),
    Case("no [DONE], no message_stop", lambda it: streaming(*a_stream(it)[:-1]), lambda it: REFUSED),
)


def _with(events: list[bytes], odd: bytes) -> list[bytes]:
    return [*events[:FORTY], odd, *events[FORTY:]]


def _refusing_prefill(dialect: Dialect) -> Play:
    return lambda request: REFUSED if prefill_of(request) else all_again(dialect)


async def play_case(case: Case, dialect: Dialect) -> Told:
    pair = (a_speaker("one", case.model, timeouts=TIMEOUTS), a_speaker("two", case.model, timeouts=TIMEOUTS))
    world = await a_world(tier(*pair, breaker=FEARLESS))
    world.providers.will("one", case.first(dialect))
    world.providers.will("two", case.second(dialect))
    return await told(world, dialect, TEXT)


async def main(streams: int, seed: int) -> None:
    sys.stdout.write(f"{'case':<40}{'dialect':>11}{'end':>10}{'attempts':>10}{'longest':>9}\n")
    for case in CASES:
        for dialect in DIALECTS:
            it = await play_case(case, dialect)
            sys.stdout.write(f"{case.name:<40}{dialect.value:>11}{it.end:>10}{it.attempts:>10}{it.seconds:>8.1f}s\n")
    ends = ("whole", "error", "refused", "truncated", "repeated")
    sys.stdout.write(f"\n{'random cuts':<13}{'dialect':>11}{''.join(f'{it:>11}' for it in ends)}{'longest':>10}\n")
    for dialect in DIALECTS:
        all_told = [await random_cut(dialect, seed + number) for number in range(streams // len(DIALECTS))]
        tally = Counter(it.end for it in all_told)
        counts = "".join(f"{tally[it]:>11,}" for it in ends)
        longest = max(it.seconds for it in all_told)
        sys.stdout.write(f"{len(all_told):<13,}{dialect.value:>11}{counts}{longest:>9.1f}s\n")


if __name__ == "__main__":
    asked = [int(it) for it in sys.argv[1:]]
    asyncio.run(main(*asked, *(1_000, 1)[len(asked) :]))
