"""The betas that a request needs to be let in, by what it says: a foreign caller does not know of them."""

from typing import Final

from ai_gateway.domain.conversation import Json
from ai_gateway.providers.decoding import as_list, as_object

FILES: Final = "files-api-2025-04-14"
_OF_FIELDS: Final = {
    "context_management": "context-management-2025-06-27",
    "mcp_servers": "mcp-client-2025-04-04",
}
_OF_TOOLS: Final = {
    "code_execution_20250522": "code-execution-2025-05-22",
    "code_execution_20250825": "code-execution-2025-08-25",
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "memory_20250818": "context-management-2025-06-27",
    "web_fetch_20250910": "web-fetch-2025-09-10",
}


def betas_for(body: dict[str, Json], *, names_files: bool) -> tuple[str, ...]:
    """In order, each once."""
    found = [FILES] if names_files else []
    found += [beta for field, beta in _OF_FIELDS.items() if field in body]
    for tool in as_list(body.get("tools")):
        if (beta := _OF_TOOLS.get(str(as_object(tool).get("type")))) is not None:
            found.append(beta)
    return tuple(dict.fromkeys(found))
