"""What a table of knowledge can be held to: that it says each thing once, and nothing that contradicts itself."""

from collections import Counter

import pytest

from ai_gateway.providers.model_families import FAMILIES, Family, Feature

THINKING = {Feature.REASONING_BUDGET, Feature.REASONING_OFF}


def test_each_beginning_of_a_name_stands_in_the_table_once() -> None:
    assert [name for name, count in Counter(it.name for it in FAMILIES).items() if count > 1] == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_row_does_not_contradict_itself(family: Family) -> None:
    assert family.name == family.name.lower()
    assert family.context is None or family.context >= 4_096
    assert family.output is None or family.context is None or family.output <= family.context
    assert Feature.REASONING in family.features or not family.features & THINKING
    assert Feature.TOOLS in family.features or not family.features & {Feature.FORCED_TOOLS, Feature.PARALLEL_TOOLS}


def test_claude_names_have_no_dots_since_they_are_looked_up_without() -> None:
    assert not [it.name for it in FAMILIES if it.name.startswith("claude") and "." in it.name]
