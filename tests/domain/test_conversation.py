"""Values compare by what they say, and the union of parts tells its members apart."""

import msgspec

from ai_gateway.domain.conversation import Conversation, Part, Role, Source, Text, Thinking, ToolCall, Turn


def test_conversations_that_say_the_same_are_equal() -> None:
    turns = (Turn(Role.USER, (Text("hello"),)),)
    assert Conversation(turns=turns) == Conversation(turns=(Turn(Role.USER, (Text("hello"),)),))
    assert Conversation(turns=turns) != Conversation(turns=(Turn(Role.USER, (Thinking("hello"),)),))


def test_a_part_survives_storage_with_its_kind() -> None:
    parts: tuple[Part, ...] = (Text("a"), Thinking("b", "sig"), ToolCall("c1", "look", '{"x":1}'))
    assert msgspec.json.decode(msgspec.json.encode(parts), type=tuple[Part, ...]) == parts


def test_a_source_is_told_by_name_only() -> None:
    assert Source(url="https://example.com/a.png").data is None
