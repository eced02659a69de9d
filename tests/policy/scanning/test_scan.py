import pytest

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import Tally
from ai_gateway.policy.scanning import DETECTORS, ScanSpec, SpecError, compile_scan
from policy.scanning.running import run

EXAMPLES = {
    "email": "joe@example.com",
    "phone": "+49 30 1234567",
    "card": "4111 1111 1111 1111",
    "api_key": "sk-proj-abcdefghij1234567890",
    "secret": 'password = "hunter2!"',
    "iban": "DE89 3704 0044 0532 0130 00",
    "ssn": "219-09-9999",
    "ip_address": "10.1.2.3",
}


@pytest.mark.parametrize("name", DETECTORS)
def test_what_is_blocked_is_named_and_not_shown(name: str) -> None:
    tally = Tally()
    pipe = compile_scan(ScanSpec(detect=tuple(DETECTORS))).blocker(3, None)(tally)
    with pytest.raises(Blocked) as blocked:
        pipe.feed(f"it is {EXAMPLES[name]} ok")
        pipe.end()
    assert blocked.value.message.startswith("A rule of your organisation blocked this text: it has a")
    assert blocked.value.message.endswith(f" ({name}) in it.")
    assert not any(part in blocked.value.message + blocked.value.detail for part in EXAMPLES[name].split())
    assert tally.notes() == (f"rule 3: blocked {name}, once",)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ScanSpec(pattern="b+"), "it has something that matches a forbidden pattern in it."),
        (ScanSpec(words=("bbb",)), "it has a forbidden word in it."),
    ],
)
def test_patterns_and_words_are_blocked_without_being_named(spec: ScanSpec, words: str) -> None:
    pipe = compile_scan(spec).blocker(1, None)(Tally())
    with pytest.raises(Blocked, match=words):
        pipe.feed("a bbb c")


def test_a_rule_may_say_it_in_its_own_words() -> None:
    pipe = compile_scan(ScanSpec(words=("b",))).blocker(1, "Not here.")(Tally())
    with pytest.raises(Blocked) as blocked:
        pipe.feed("b ")
    assert blocked.value.message == "Not here."
    assert blocked.value.code == "guardrail_blocked"


def test_a_blocker_lets_everything_else_pass() -> None:
    make = compile_scan(ScanSpec(detect=("email",), words=("foo",))).blocker(1, None)
    assert run(make, ["joe at ex", "ample, food", ""]) == ("joe at example, food", ())


def test_what_is_redacted_is_counted_by_its_kind() -> None:
    spec = ScanSpec(detect=("email", "ssn"), pattern="x{3}", words=("foo",))
    made, notes = run(compile_scan(spec).redactor(2, "[gone]"), ["a@b.co c@d.co 219-09-9999 xxx Foo"])
    assert made == "[gone] [gone] [gone] [gone] [gone]"
    assert sorted(notes) == [
        "rule 2: redacted email, 2 times",
        "rule 2: redacted pattern, once",
        "rule 2: redacted ssn, once",
        "rule 2: redacted word, once",
    ]


@pytest.mark.parametrize(
    ("spec", "member", "words"),
    [
        (ScanSpec(), "detect", "there is nothing to look for"),
        (ScanSpec(detect=("email", "mail")), "detect", "'mail' is no detector; there are email, phone"),
        (ScanSpec(pattern="(a"), "pattern", "never closed"),
        (ScanSpec(pattern="a*"), "pattern", "matches the empty text"),
        (ScanSpec(pattern=r"\b"), "pattern", "matches the empty text"),
        (ScanSpec(pattern="a|(b?)$"), "pattern", "matches the empty text"),
        (ScanSpec(pattern="a{9}", max_length=8), "pattern", "longer than 'max_length', which is 8 characters"),
        (ScanSpec(pattern="a" * 16_385), "pattern", "longer than 16384"),
        (ScanSpec(pattern="a", max_length=0), "max_length", "0 is not between 1 and 4096"),
        (ScanSpec(pattern="a", max_length=4_097), "max_length", "4097 is not between 1 and 4096"),
        (ScanSpec(words=("a",) * 257), "words", "there are 257 words; 256 are allowed"),
        (ScanSpec(words=("a", " ")), "words", "an empty word is in every text"),
        (ScanSpec(words=("a" * 101,)), "words", "longer than 100 characters"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(spec: ScanSpec, member: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as refused:
        compile_scan(spec)
    assert refused.value.member == member


def test_a_long_pattern_of_plain_characters_is_no_problem() -> None:
    made, _ = run(compile_scan(ScanSpec(pattern="ab" * 1_000, max_length=4_096)).redactor(1, "#"), ["x" + "ab" * 1_001])
    assert made == "x#ab"
