"""Which groups stand behind a group, and whether that ever ends.

A group's own fallbacks, where it has any, else the tenant's default ones: nothing crosses to another vendor unless
somebody said so, and an empty list says "nowhere". A list that is followed group by group could run for ever, so a
ring is refused when it is saved and its groups are named; and what is compiled visits each group once and is bounded
anyway, because a row may come from an older version or from another process at the same instant.
"""

from collections.abc import Mapping, Sequence
from typing import Final

Groups = Mapping[str, Sequence[str] | None]
"""Every group that exists, with its own fallbacks; None where it says nothing and the default ones hold."""

MOST: Final = 31
"""Groups behind one group: with its own that is 32 tiers, more than any request may have attempts."""


def behind(group: str, groups: Groups, default: Sequence[str]) -> list[str]:
    """The groups to try after this one, depth first, each once; those that do not exist are passed over."""
    own = groups.get(group)
    return follow(default if own is None else own, groups, seen=(group,))


def follow(first: Sequence[str], groups: Groups, seen: Sequence[str] = ()) -> list[str]:
    """The existing groups of a list and what stands behind each by its own word, depth first, each once."""
    found: dict[str, None] = {}
    waiting = list(reversed(first))
    while waiting and len(found) < MOST:
        group = waiting.pop()
        if group in found or group in seen or group not in groups:
            continue
        found[group] = None
        waiting.extend(reversed(groups[group] or ()))
    return list(found)


def find_ring(groups: Groups, default: Sequence[str]) -> list[str] | None:
    """A list of groups whose last is its first and each of which leads to the next; None where there is no such ring.

    A group that says nothing leads to the default ones, but for the default ones themselves: they end there. Depth
    first with three colours (Cormen et al., Introduction to Algorithms, 20.3), without recursion.
    """
    done: set[str] = set()
    for start in groups:
        trail: dict[str, list[str]] = {}
        if start not in done:
            trail[start] = _next(start, groups, default)
        while trail:
            group, ahead = next(reversed(trail.items()))
            if not ahead:
                done.add(group)
                del trail[group]
                continue
            step = ahead.pop()
            if step in trail:
                return _from_its_first_name(list(trail)[list(trail).index(step) :])
            if step not in done and step in groups:
                trail[step] = _next(step, groups, default)
    return None


def _from_its_first_name(ring: list[str]) -> list[str]:
    """One ring has one description, wherever it was entered."""
    start = ring.index(min(ring))
    return [*ring[start:], *ring[:start], ring[start]]


def _next(group: str, groups: Groups, default: Sequence[str]) -> list[str]:
    own = groups[group]
    if own is None:
        own = () if group in default else default
    return list(reversed(own))
