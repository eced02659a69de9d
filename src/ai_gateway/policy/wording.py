"""From a text with placeholders to a sentence, and what is checked before a text is taken.

There is no template engine: a placeholder is `${name}`, names are a closed list, and what was put in is not looked at
again. A text whose placeholder has no value here ("${retry_after_seconds}" where nobody knows the time) is no sentence,
so the next best text is told instead.
"""

import re
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any, Final, cast

import msgspec

from ai_gateway.domain.budgets import Unit, Window
from ai_gateway.domain.faults import Category, Fault, Figures
from ai_gateway.domain.wording import BudgetWords, Language, Text, Texts, Wording
from ai_gateway.policy.refusals import shown, shown_up

ENGLISH: Final = "en"
LONGEST_MESSAGE: Final = 1000
LONGEST_ACTION: Final = 500
USUAL: Final = frozenset({"request_id", "category", "retry_after_seconds"})
OF_BUDGETS: Final = frozenset({"window", "unit", "limit", "current", "resets", "could_cost"})
OF_LANGUAGES: Final = USUAL | {"message"}
"""`message`: the English sentence with its particulars, for who cannot say them."""

_TAG: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_PLACEHOLDER: Final = re.compile(r"\$\{([a-z_]+)\}")
_BEGUN: Final = re.compile(r"\$\{")
_UNITS: Final = {Unit.USD: "usd", Unit.TOKENS: "tokens", Unit.REQUESTS: "requests"}
_WINDOW_NAMES: Final = tuple(window.value for window in Window)
_BUDGET: Final = "budget_exceeded"


def check(text: str, allowed: frozenset[str], most: int) -> str | None:
    """What is wrong with a text, for people; None where nothing is."""
    if not text.strip():
        return "is empty; leave it out instead."
    if len(text) > most:
        return f"has {len(text)} characters, at most {most}."
    if any(not char.isprintable() for char in text):
        return "has a character that cannot be shown, such as a line break."
    found = _PLACEHOLDER.findall(text)
    unknown = next((name for name in found if name not in allowed), None)
    if unknown is not None:
        return f"has the unknown placeholder ${{{unknown[:40]}}}; known here are {_listed(allowed)}."
    if len(found) != len(_BEGUN.findall(text)):
        return f"has a '${{' that begins no placeholder; known here are {_listed(allowed)}."
    return None


def placeholders(code_or_category: str, usual: frozenset[str] = USUAL) -> frozenset[str]:
    """What may stand in the text of this code or category."""
    return usual | OF_BUDGETS if code_or_category in (_BUDGET, Category.BUDGET.value) else usual


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """None where a placeholder of it has no value."""
    if any(name not in values for name in _PLACEHOLDER.findall(text)):
        return None
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def reworded(fault: Fault, request_id: str, wording: Wording) -> tuple[str, str]:
    """Message and suggested action of a fault: the tenant's own, else the language's, else those that it has."""
    values = _values(fault, request_id)
    budget = None if wording.language is None else wording.language.budget
    own = values | _figures(fault.figures, budget or ENGLISH_BUDGET)
    message = _first(_texts(wording.own, fault), "message", own)
    action = _first(_texts(wording.own, fault), "suggested_action", own)
    if wording.language is not None:
        theirs = values | {"message": fault.message}
        if budget is not None:
            theirs |= _figures(fault.figures, budget)
        if message is None:
            message = _first(_texts(wording.language.texts, fault), "message", theirs)
            message = None if message is None else message + _could_cost(fault.figures, budget)
        if action is None:
            action = _first(_texts(wording.language.texts, fault), "suggested_action", theirs)
    return message or fault.message, action or fault.action


def read_language(raw: bytes, english: Language | None) -> Language:
    """A language's file. `english` None: it is English's own. Raises ValueError with all that is wrong with it."""
    try:
        language = msgspec.json.decode(raw, type=Language)
    except msgspec.DecodeError as error:
        raise ValueError(f"it is not a language file: {error}") from None
    problems = [*_problems(language, english)]
    if problems:
        raise ValueError("; ".join(problems))
    return language


def texts_of(stored: Mapping[str, Any]) -> Texts:
    """A tenant's own words as they are stored; what a newer version stored besides is passed over."""
    return Texts(_texts_by_name(stored.get("categories")), _texts_by_name(stored.get("codes")))


def _texts_by_name(stored: object) -> dict[str, Text]:
    found = cast("dict[str, dict[str, Any]]", stored) if isinstance(stored, dict) else {}
    return {name: Text(it.get("message"), it.get("suggested_action")) for name, it in found.items()}


def _texts(texts: Texts, fault: Fault) -> Iterator[Text]:
    for text in (texts.codes.get(fault.code), texts.categories.get(fault.category.value)):
        if text is not None:
            yield text


def _first(texts: Iterator[Text], part: str, values: Mapping[str, str]) -> str | None:
    said = (getattr(text, part) for text in texts)
    filled = (fill(text, values) for text in said if text is not None)
    return next((text for text in filled if text is not None), None)


def _values(fault: Fault, request_id: str) -> dict[str, str]:
    values = {"request_id": request_id, "category": fault.category.value}
    if fault.retry_after_seconds is not None:
        values["retry_after_seconds"] = str(max(1, ceil(fault.retry_after_seconds)))
    return values


def _figures(figures: Figures | None, words: BudgetWords) -> dict[str, str]:
    if figures is None:
        return {}
    values = {
        "window": words.windows[figures.window.value],
        "unit": words.units[_UNITS[figures.unit]],
        "limit": _amount(figures.unit, shown(figures.unit, figures.limit), words),
        "current": _amount(figures.unit, shown(figures.unit, figures.current), words),
        "resets": _resets(figures, words),
    }
    if figures.could_cost is not None:
        values["could_cost"] = _amount(figures.unit, shown_up(figures.unit, figures.could_cost), words)
    return values


def _amount(unit: Unit, english: str, words: BudgetWords) -> str:
    number = english.lstrip("$").partition(" ")[0]
    marks = {".": words.decimal_mark, ",": words.group_mark}
    return fill(words.amounts[_UNITS[unit]], {"amount": "".join(marks.get(char, char) for char in number)}) or english


def _resets(figures: Figures, words: BudgetWords) -> str:
    if figures.resets_on is None:
        return words.resets[Window.TOTAL.value]
    clock = figures.zone if figures.zone == "UTC" else fill(words.zone, {"zone": figures.zone}) or figures.zone
    return fill(words.resets[figures.window.value], {"day": figures.resets_on, "clock": clock}) or ""


def _could_cost(figures: Figures | None, words: BudgetWords | None) -> str:
    if figures is None or figures.could_cost is None or words is None:
        return ""
    amount = _amount(figures.unit, shown_up(figures.unit, figures.could_cost), words)
    return fill(words.could_cost, {"could_cost": amount}) or ""


def _problems(language: Language, english: Language | None) -> Iterator[str]:
    if not _TAG.fullmatch(language.tag):
        yield f"'tag' is {language.tag[:40]!r}, which is no language tag such as 'de' or 'pt-BR'"
    categories = {category.value for category in Category}
    codes = None if english is None else set(english.texts.codes)
    for kind, texts, known in (
        ("categories", language.texts.categories, categories),
        ("codes", language.texts.codes, codes),
    ):
        for name, text in texts.items():
            if known is not None and name not in known:
                yield f"'{kind}.{name[:60]}' is not known"
                continue
            allowed = placeholders(name, OF_LANGUAGES)
            for part, said, most in (
                ("message", text.message, LONGEST_MESSAGE),
                ("suggested_action", text.suggested_action, LONGEST_ACTION),
            ):
                wrong = None if said is None else check(said, allowed, most)
                if wrong is not None:
                    yield f"'{kind}.{name}.{part}' {wrong}"
    if language.budget is not None:
        yield from _problems_of_budget(language.budget)


def _problems_of_budget(words: BudgetWords) -> Iterator[str]:
    units = tuple(_UNITS.values())
    for part, said, names, allowed in (
        ("windows", words.windows, _WINDOW_NAMES, ()),
        ("units", words.units, units, ()),
        ("amounts", words.amounts, units, ("amount",)),
        ("resets", words.resets, _WINDOW_NAMES, ("day", "clock")),
    ):
        for name in names:
            wrong = check(said[name], frozenset(allowed), 200) if name in said else "is missing."
            if wrong is not None:
                yield f"'budget.{part}.{name}' {wrong}"
    for part, text, allowed in (("zone", words.zone, "zone"), ("could_cost", words.could_cost, "could_cost")):
        wrong = check(text, frozenset({allowed}), 200)
        if wrong is not None:
            yield f"'budget.{part}' {wrong}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"${{{name}}}" for name in sorted(names))


ENGLISH_BUDGET: Final = BudgetWords(
    windows={"daily": "Daily", "monthly": "Monthly", "total": "Total"},
    units={"usd": "cost", "tokens": "token", "requests": "request"},
    amounts={"usd": "$${amount}", "tokens": "${amount} tokens", "requests": "${amount} requests"},
    resets={
        "daily": "Resets at midnight ${clock}.",
        "monthly": "Resets on ${day} at midnight ${clock}.",
        "total": "It does not reset.",
    },
    zone="in ${zone}",
    could_cost=" This request could cost up to ${could_cost}.",
)
"""What English tenants' own words may quote; the English file says the same."""
