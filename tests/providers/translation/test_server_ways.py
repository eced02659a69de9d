import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.differences import Lack, StreamUsage
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.servers import SERVERS, Server
from ai_gateway.providers.translation.chat_ways import CallIds, JsonForms, ReasoningField, ThoughtField
from ai_gateway.providers.translation.server_ways import ways_of

ROWS = {server.type: ways_of(server.type, server.differences) for server in SERVERS}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.type.value)
def test_a_conversation_is_written_as_the_row_says(server: Server) -> None:
    ways, it = ROWS[server.type], server.differences
    assert ways.output_field == it.output_field
    assert ways.developer_role is (Lack.DEVELOPER_ROLE not in it.lacks)
    assert ways.stream_options is (it.stream_usage is StreamUsage.ASKED)
    assert ways.choices is (it.most_choices != 1)
    assert ("tools" in ways.unsupported) is (Lack.TOOLS in it.lacks)
    assert ways.output_field not in ways.unsupported


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.type.value)
def test_every_server_has_both_operations_of_conversations(server: Server) -> None:
    assert {Operation.CHAT, Operation.MESSAGES} <= set(KINDS[server.type].translated)


def test_what_only_one_has_is_its_own() -> None:
    assert ROWS[ProviderType.MISTRAL].call_ids is CallIds.MISTRAL
    assert ROWS[ProviderType.MISTRAL].thought_field is ThoughtField.CONTENT
    assert {"max_completion_tokens", "seed"} <= ROWS[ProviderType.MISTRAL].unsupported
    assert ROWS[ProviderType.DEEPSEEK].json_forms is JsonForms.OBJECT
    assert ROWS[ProviderType.DEEPSEEK].reasoning is ReasoningField.SWITCH
    assert ROWS[ProviderType.OPENROUTER].thought_field is ThoughtField.DETAILS
    assert ROWS[ProviderType.GROQ].service_tiers is None
    assert ROWS[ProviderType.CEREBRAS].service_tiers == frozenset()
