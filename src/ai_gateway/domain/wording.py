"""The words in which faults are told: a language's, and what a tenant has put over them.

English is what the code says, with all the particulars that it knows. A Language says the same for people who read
another; a tenant's own words (`Texts`) go over both. Texts are kept by code, which is one exact ending, and by
category, which is all endings that ask for the same action; the code's goes first.

A text may have `${placeholders}`: they are replaced once, by values that are never read again.
"""

from collections.abc import Mapping

import msgspec


class Text(msgspec.Struct, frozen=True):
    """None: whoever is asked next says it."""

    message: str | None = None
    suggested_action: str | None = None


class Texts(msgspec.Struct, frozen=True):
    categories: Mapping[str, Text] = msgspec.field(default_factory=dict[str, Text])
    codes: Mapping[str, Text] = msgspec.field(default_factory=dict[str, Text])


class BudgetWords(msgspec.Struct, frozen=True):
    """The parts of the sentences about a limit: words for each window ("daily", "monthly", "total") and unit ("usd",
    "tokens", "requests"), an `${amount}` of each unit, when each window begins anew (`${day}`, `${clock}`), `zone` for
    a clock that is not UTC's, and what a request could add (`${could_cost}`)."""

    windows: Mapping[str, str]
    units: Mapping[str, str]
    amounts: Mapping[str, str]
    resets: Mapping[str, str]
    zone: str
    could_cost: str
    decimal_mark: str = "."
    group_mark: str = ","


class Language(msgspec.Struct, frozen=True):
    """`tag` as BCP 47 has it ("de", "pt-BR"). `budget` None: the sentences about limits stay English."""

    tag: str
    name: str
    texts: Texts
    budget: BudgetWords | None = None


class Wording(msgspec.Struct, frozen=True):
    """How one tenant is told. `language` None: English."""

    own: Texts
    language: Language | None = None
