"""A request asks for the betas that it needs, each once."""

from typing import Any

import pytest

from ai_gateway.providers.translation.anthropic_betas import FILES, betas_for


@pytest.mark.parametrize(
    ("body", "betas"),
    [
        ({}, ()),
        ({"mcp_servers": []}, ("mcp-client-2025-04-04",)),
        (
            {"context_management": {}, "tools": [{"type": "memory_20250818"}, {"name": "f"}]},
            ("context-management-2025-06-27",),
        ),
        ({"tools": [{"type": "code_execution_20250522"}]}, ("code-execution-2025-05-22",)),
        ({"tools": [{"type": "web_search_20250305"}]}, ()),
    ],
)
def test_what_is_used_is_asked_for(body: dict[str, Any], betas: tuple[str, ...]) -> None:
    assert betas_for(body, names_files=False) == betas
    assert betas_for(body, names_files=True) == (FILES, *betas)
