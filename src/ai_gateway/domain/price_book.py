"""Prices, found by the name of a model and by who is paid.

A book has three thousand prices, most of them with a clause that says which names they mean. Nobody can try those on
the way of a request, so a name is resolved once and its answer kept: the line pays one look-up in a dictionary. Clauses
that are plain names stand in a dictionary of their own from the start, and only the rest are tried, in the order of
their models' ids, where the first that fits wins: that is how the published books mean them.

What somebody set here is before what a published book says, and a price of this provider before one of any provider.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, final

from ai_gateway.domain.model_match import Clause
from ai_gateway.domain.prices import Price

Chain = tuple[Price, ...]
"""Prices of one model and payee, newest first: the first that holds at an instant is the one."""

MOST_KEPT: Final = 4_096
"""Names whose answer is kept; a caller may make up names."""

_COMPACT_DATE: Final = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


@final
class PriceBook:
    """`ceiling` is what a tenant declares that a model costs at most whose price nobody knows. `found` is what was
    resolved already, for whoever cannot wait for a call."""

    __slots__ = ("_layers", "ceiling", "found", "is_empty", "prices")

    def __init__(self, prices: Iterable[Price] = (), ceiling: Price | None = None) -> None:
        self.prices = tuple(prices)
        self.ceiling = ceiling
        self.is_empty = not self.prices
        own = _Layer(it for it in self.prices if it.edition is None)
        published = _Layer(it for it in self.prices if it.edition is not None)
        self._layers = tuple(layer for layer in (own, published) if layer.has_any)
        self.found: dict[tuple[str, tuple[str, ...]], tuple[Chain, ...]] = {}

    def chains(self, model: str, payees: tuple[str, ...]) -> tuple[Chain, ...]:
        """The best first. `payees` are the names of who is paid, the most particular first."""
        asked = (model, payees)
        found = self.found.get(asked)
        if found is None:
            if len(self.found) >= MOST_KEPT:
                self.found.clear()
            found = self.found[asked] = tuple(self._resolve(model, payees))
        return found

    def _resolve(self, model: str, payees: tuple[str, ...]) -> Iterator[Chain]:
        for layer in self._layers:
            for payee in (*payees, None):
                chain = layer.find(model, payee)
                if chain:
                    yield chain

    def __getitem__(self, model: str) -> tuple[Price, ...]:
        """All prices that stand under this very name, newest first. Raises KeyError."""
        found = tuple(it for it in self.prices if it.model == model)
        if not found:
            raise KeyError(model)
        return _newest_first(found)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(it.model for it in self.prices))

    def __len__(self) -> int:
        return len(self.prices) + (self.ceiling is not None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PriceBook) and (self.prices, self.ceiling) == (other.prices, other.ceiling)

    __hash__ = None  # pyright: ignore[reportAssignmentType]


@final
class _Layer:
    """`named`: (payee, name) -> the chain's place; `tried`: payee -> (place, clause) of what is no plain name. A price
    without a clause means its model's very name first, and then that name however it is written."""

    __slots__ = ("_chains", "_exact", "_named", "_tried", "has_any")

    def __init__(self, prices: Iterable[Price]) -> None:
        groups: dict[tuple[str | None, str], list[Price]] = {}
        for price in prices:
            groups.setdefault((price.provider, price.model), []).append(price)
        self.has_any = bool(groups)
        self._chains: list[Chain] = []
        self._exact: dict[tuple[str | None, str], int] = {}
        self._named: dict[tuple[str | None, str], int] = {}
        self._tried: dict[str | None, list[tuple[int, Clause]]] = {}
        for (payee, model), group in sorted(groups.items(), key=lambda it: it[0][1]):
            chain = _newest_first(group)
            self._chains.append(chain)
            place = len(self._chains) - 1
            clause = chain[0].match
            if clause is None:
                self._exact[payee, model] = place
                self._named.setdefault((payee, model.lower()), place)
                continue
            for one in clause.alternatives():
                if one.kind == "equals":
                    self._named.setdefault((payee, one.text), place)
                else:
                    self._tried.setdefault(payee, []).append((place, one))

    def find(self, model: str, payee: str | None) -> Chain:
        exact = self._exact.get((payee, model))
        if exact is not None:
            return self._chains[exact]
        name = model.lower()
        place = self._match(name, payee)
        if place is None and (dashed := _dashed(name)) != name:
            place = self._match(dashed, payee)
        return () if place is None else self._chains[place]

    def _match(self, name: str, payee: str | None) -> int | None:
        named = self._named.get((payee, name))
        for place, clause in self._tried.get(payee, ()):
            if named is not None and place >= named:
                break
            if clause.matches(name):
                return place
        return named


def _newest_first(prices: Iterable[Price]) -> Chain:
    """Of two that begin together, the one of certain hours is before the one of all day, and the later row before the
    earlier: ids rise."""
    return tuple(sorted(prices, key=lambda it: (it.effective_from, it.hours is not None, it.version), reverse=True))


def _dashed(name: str) -> str:
    """'gpt-5.2-20251211' as its vendor writes it: 'gpt-5.2-2025-12-11'."""
    return _COMPACT_DATE.sub(_dashed_date, name)


def _dashed_date(found: re.Match[str]) -> str:
    year, month, day = (int(part) for part in found.groups())
    try:
        return f"-{date(year, month, day).isoformat()}"
    except ValueError:
        return found[0]
