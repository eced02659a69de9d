"""A request as the mock understands it, in either dialect; what it cannot use is refused as a provider would."""

import msgspec

from ai_gateway.providers.mock.reply import Refusal
from ai_gateway.providers.mock.talk import count_tokens

TOKENS_PER_MESSAGE = 4


class Tool(msgspec.Struct, frozen=True):
    name: str
    schema: object


class Asked(msgspec.Struct, frozen=True):
    """A checked body: its members by name."""

    members: dict[str, object]

    @property
    def model(self) -> str:
        model = self.members.get("model")
        if not isinstance(model, str) or not model:
            raise Refusal(400, "you must provide a model parameter", "model")
        return model

    @property
    def is_stream(self) -> bool:
        return self.members.get("stream") is True

    @property
    def messages(self) -> list[dict[str, object]]:
        messages = objects_of(self.members.get("messages"))
        if not messages:
            raise Refusal(400, "messages: at least one message is required", "messages")
        return messages

    @property
    def question(self) -> str:
        """The text of the last message of the user."""
        users = [message for message in self.messages if message.get("role") == "user"]
        return text_of(users[-1].get("content")) if users else ""

    @property
    def prefill(self) -> str:
        """The text of a last message of the assistant, which is to be continued; '' where there is none."""
        last = self.messages[-1]
        return text_of(last.get("content")) if last.get("role") == "assistant" else ""

    def positive(self, name: str) -> int | None:
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise Refusal(400, f"{name}: must be an integer of at least 1", name)
        return value


def read_asked(body: bytes) -> Asked:
    try:
        return Asked(msgspec.json.decode(body, type=dict[str, object]))
    except (ValueError, RecursionError):
        raise Refusal(400, "We could not parse the JSON body of your request.") from None


def input_tokens(asked: Asked, *more: object) -> int:
    """Tokens of all messages (four more a message for its role) and of whatever else goes into the prompt."""
    messages = sum(TOKENS_PER_MESSAGE + count_tokens(text_of(message.get("content"))) for message in asked.messages)
    return messages + sum(count_tokens(text_of(part)) for part in more if part)


def wanted_tool(tools: list[Tool], forced: str | None, question: str) -> Tool | None:
    """The tool that is forced by name, else the first that the question names."""
    named = [tool for tool in tools if tool.name and (tool.name == forced or (not forced and tool.name in question))]
    return named[0] if named else None


def text_of(content: object) -> str:
    """The text of a message's content: a string, or the text parts of a list; other values as JSON."""
    if isinstance(content, str):
        return content
    parts = objects_of(content)
    if parts:
        return "\n".join(text for part in parts if isinstance(text := part.get("text") or part.get("content"), str))
    return "" if content is None else msgspec.json.encode(content).decode()


def objects_of(value: object) -> list[dict[str, object]]:
    """The objects of a list, or nothing where it is none."""
    return [members for item in items_of(value) if (members := members_of(item))]


def items_of(value: object) -> list[object]:
    return msgspec.convert(value, list[object]) if isinstance(value, list) else []


def members_of(value: object) -> dict[str, object]:
    return msgspec.convert(value, dict[str, object]) if isinstance(value, dict) else {}
