import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import FACTS, FactValue, RuleError
from ai_gateway.policy.rules.condition_words import CALLS, LOOPS
from ai_gateway.policy.rules.conditions import REMEMBERED, CelCondition, compile_condition
from ai_gateway.policy.rules.refused import RuleRefused
from policy.rules.forms import Known

SOURCES = Path(__file__).parents[3] / "src"
AS_WRITTEN = "caller.team_id == 'trial' || budget.used_percent >= 80"


def a_condition(text: str) -> CelCondition:
    return compile_condition(text, "rules[0].when")


def holds(text: str, **facts: FactValue) -> bool:
    return a_condition(text).holds(Known(**facts))


@pytest.mark.parametrize(
    ("team", "used", "expected"), [("trial", 0, True), ("paid", 80, True), ("paid", 79, False), (None, 100, True)]
)
def test_a_team_on_trial_or_a_budget_that_is_nearly_spent(team: str | None, used: int, expected: bool) -> None:
    assert holds(AS_WRITTEN, caller__team_id=team, budget__used_percent=used) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("request.stream", True),
        ("request.user == null", True),
        ("request.temperature != null && request.temperature > 0.5", True),
        ("request.max_tokens != null && request.max_tokens > 100", False),
        ("request.temperature > 0", True),
        ("'shell' in request.tools", True),
        ("size(request.tools) == 2", True),
        ("request.tools.exists(t, t.startsWith('she'))", True),
        ("request.tools.filter(t, t == 'shell').size() == 1", True),
        ("request.tools.all(t, t.contains('z')) || route.name.endsWith('t')", True),
        ("request.tools[0] == 'search'", True),
        ("timestamp(request.date + 'T00:00:00Z').getDayOfWeek() == 4", True),  # a Thursday
        ("request.stream ? caller.key_name == 'laptop' : false", True),
        ("string(request.bytes) == '120'", True),
        ("caller.tenant_name == 'Acme' &&\n  route.pool == 'slow'", False),
    ],
)
def test_conditions_decide(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_only_facts_that_it_names_are_asked_for() -> None:
    facts = Known()
    assert a_condition(AS_WRITTEN).holds(facts)
    assert facts.asked == ["caller.team_id", "budget.used_percent"]


class Counting:
    """A program that says how often it was executed."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def execute(self, context: dict[str, Any]) -> Any:
        self.seen.append(context)
        return context["request"]["bytes"] > 5

    def variables(self) -> list[str]:
        return []

    def functions(self) -> list[str]:
        return []


def test_a_verdict_is_remembered_by_the_values_it_rests_on() -> None:
    program = Counting()
    condition = CelCondition(program, ("request.bytes", "caller.team_id"))
    for size, team in [(1, "a"), (1, "a"), (9, "a"), (1, "b"), (9, "a")]:
        assert condition.holds(Known(request__bytes=size, caller__team_id=team)) is (size == 9)
    assert program.seen == [
        {"request": {"bytes": 1}, "caller": {"team_id": "a"}},
        {"request": {"bytes": 9}, "caller": {"team_id": "a"}},
        {"request": {"bytes": 1}, "caller": {"team_id": "b"}},
    ]


def test_what_is_remembered_is_bounded_in_number_and_in_size() -> None:
    program = Counting()
    condition = CelCondition(program, ("request.bytes",))
    for size in range(REMEMBERED + 1):
        condition.holds(Known(request__bytes=size))
    condition.holds(Known(request__bytes=REMEMBERED))
    assert len(program.seen) == REMEMBERED + 1  # the last one was remembered
    condition.holds(Known(request__bytes=0))
    assert len(program.seen) == REMEMBERED + 2  # the first one was forgotten
    long = CelCondition(program, ("request.bytes", "request.user"))
    for _ in range(2):
        long.holds(Known(request__user="u" * 257))
    assert len(program.seen) == REMEMBERED + 4


@pytest.mark.parametrize(
    ("text", "facts", "words"),
    [
        ("request.max_tokens > 5", {"request__max_tokens": None}, "ask '!= null' first"),
        ("request.user.startsWith('a')", {"request__user": None}, "could not be decided"),
        ("request.tools[1] == 'a'", {"request__tools": ("one",)}, "an element that a list does not have"),
        ("1 / request.bytes == 1", {"request__bytes": 0}, "divides by zero"),
        ("request.bytes * 9223372036854775807 > 1", {"request__bytes": 2}, "too large"),
        ("request.model == 'a'", {"request__model": "\ud800"}, "could not be decided"),
        ("request.stream ? true : request.model", {"request__stream": False}, "neither true nor false"),
    ],
)
def test_what_cannot_be_decided_is_an_error_of_the_rule(text: str, facts: dict[str, FactValue], words: str) -> None:
    condition = a_condition(text)
    for _ in range(2):
        with pytest.raises(RuleError, match=words):
            condition.holds(Known(**facts))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("caller.team_id ==", "ends too early (at character 18)"),
        ("caller.team_id == == 'a'", "has '==' where something else must be (at character 19)"),
        ("caller.team_id == 'a' 'b'", "has ''b'' where something else must be (at character 23)"),
        ("caller.team_id == 'a' &&\n&& true", "has '&&' where something else must be (at character 26)"),
        (r"caller.team_id == '\z'", "cannot be read (at character"),
        ("caller.mail == 'a'", "names 'caller.mail', which is not known"),
        ("request.model", "must be true or false; it gives text"),
        ("budget.used_percent", "must be true or false; it gives a whole number"),
        ("request.temperature", "must be true or false; it gives a number"),
        ("request.tools.map(t, t)", "must be true or false; it gives a list"),
        ("null", "must be true or false; it gives null"),
        ("timestamp(request.date + 'T00:00:00Z')", "must be true or false; it gives something else"),
        ("request.model > 5", "compares or joins things of different kinds"),
        ("request.temperature * 2 > 1.0", "compares or joins things of different kinds"),
        ("request.tools.startsWith('a')", "calls something of a value that does not have it"),
        ("size('a', 'b') == 1 || request.tools.all(t, size())", "calls something of a value"),
    ],
)
def test_what_can_never_work_is_refused_when_it_is_saved(text: str, words: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        a_condition(text)
    assert refused.value.place == "rules[0].when"
    assert words in refused.value.message


def test_what_depends_on_the_request_is_not_refused() -> None:
    for text in ("request.tools[60] == 'a'", "1 / (request.bytes - 1000) > 0", "int(request.model) == 1"):
        with pytest.raises(RuleError):
            a_condition(text).holds(Known(request__bytes=1_000))


@pytest.mark.parametrize("value", [10**30, 2.0**70, True, 7.0])
def test_numbers_that_only_look_alike_are_decided_alike(value: Any) -> None:
    """The memory knows 1, 1.0 and true as one; so must the condition."""
    condition = a_condition("request.max_tokens > 6 || request.temperature > 6.0")
    first = condition.holds(Known(request__max_tokens=value, request__temperature=value))
    fresh = a_condition("request.max_tokens > 6 || request.temperature > 6.0")
    same = int(value)
    assert first is fresh.holds(Known(request__max_tokens=same, request__temperature=float(value))) is (value > 6)


SIGNS = "== != < <= > >= && || ! ? : + - * / % . , ( ) [ ] { } ' \" \\ // = & | \n"
NAMES = "request caller route budget t x true false null in has matches and"
VALUES = "'trial' \"x\" r'\\' 80 0.5 1e9 0x1F 9223372036854775808 1u .5 é"
WORDS = st.sampled_from(
    [
        *FACTS,
        *sorted(CALLS | LOOPS),
        *NAMES.split(),
        *SIGNS.split(" "),
        *VALUES.split(),
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.lists(WORDS, max_size=14).map("".join) | st.text(max_size=60))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        condition = a_condition(text)
    except RuleRefused:
        return
    for facts in (Known(), Known(**{name.replace(".", "__"): None for name in FACTS})):
        try:
            assert condition.holds(facts) in (True, False)
        except RuleError:
            continue


DEEP = ("(", "[", "!", "-", "- ", "1+", "true?1:", "true&&", "a.", "request.tools[", "size(", "1<", "1?", ".size()")
HOLES = """
import sys, threading
from ai_gateway.policy.rules.conditions import compile_condition
from ai_gateway.policy.rules.refused import RuleRefused
def read():
    for text in sys.stdin.read().split(chr(0)):
        try: compile_condition(text, 'when')
        except RuleRefused: pass
    print('done')
threading.stack_size(256 * 1024)
thread = threading.Thread(target=read)
thread.start(); thread.join()
"""


def test_no_text_is_too_deep_for_a_small_stack() -> None:
    """A native stack that overflows ends the process, so another process is asked, with 256 KiB."""
    rng = Random(7)
    texts = [part * (1_024 // len(part)) for part in DEEP]
    texts += [part * (1_000 // len(part)) + "true" for part in DEEP]
    texts += ["(" * 32 + "1" + "+1" * 180 + ")" * 32, "!" * 396 + "true", "- " * 390 + "1 < 2"]
    texts += ["true?" * 130 + "true" + ":true" * 130, "request.tools" + ".map(t, t)" * 4, "1" + "<1" * 199]
    for _ in range(300):
        texts.append("".join(rng.choice(DEEP) * rng.randrange(1, 32) for _ in range(12))[:1_024])
        texts.append("".join(rng.choice("([!-+.?:1,) ]") for _ in range(rng.randrange(1_024))))
    done = subprocess.run(
        [sys.executable, "-c", HOLES],
        input="\0".join(texts),
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr
