import json
import re
from typing import Any

import pytest

from ai_gateway.domain.rules import FACTS, VARIABLES
from ai_gateway.policy.rules import compile_rules
from ai_gateway.policy.rules.condition_words import CALLS, LOOPS
from ai_gateway.policy.rules.kinds import KINDS
from ai_gateway.policy.scanning import DETECTORS
from docs.pages import DOCS

PAGE = (DOCS / "rules.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    json.loads(line) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["do"])
def test_a_rule_of_the_page_works_as_written(rule: dict[str, Any]) -> None:
    assert compile_rules([rule]).revision


def test_the_page_shows_every_kind_fact_variable_and_function() -> None:
    assert {rule["do"] for rule in RULES} == set(KINDS)
    assert not [fact for fact, about in FACTS.items() if f"| `{fact}` | {about} |" not in PAGE]
    assert not [name for name in VARIABLES if f"`${{{name}}}`" not in PAGE]
    assert not [name for name in CALLS | LOOPS if f"`{name}`" not in PAGE]
    assert not [name for name in DETECTORS if f"| `{name}` |" not in PAGE]
