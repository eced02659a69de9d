"""What a platform team may rule about requests and answers: values that were compiled when the configuration was
loaded, and the few words in which they speak to the sides that they need.

A rule is total and bounded: it has no code of its own, only one of the kinds that policy/rules/ knows. It sees a
request through a `RequestForm` and an answer through names of fields and `TextPipe`s, so the same rule holds for every
dialect of callers: a system prompt is one thing, whatever an API calls it. What it knows of the request besides are
`Facts`, a closed set of names.

Rules of requests are done one after the other on the request itself. Rules of answers become one `AnswerRules` before
the first byte comes, because a stream has no later moment.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol, final

import msgspec

from ai_gateway.domain.secret import Secret

Json = Any
"""A decoded JSON value."""
Path = tuple[str, ...]
"""Names of members from the top of a body down; lists on the way are gone through ("choices.logprobs")."""
FactValue = str | int | float | bool | None | tuple[str, ...]

FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "request.id": "the gateway's id of the request",
        "request.date": "the day in the tenant's time zone, as 2026-11-26",
        "request.operation": "chat, messages, responses, embeddings ...",
        "request.model": "the model that the caller asked for",
        "request.stream": "whether the answer is streamed",
        "request.max_tokens": "the output that the caller allows; null where it says none",
        "request.temperature": "null where the caller says none",
        "request.tools": "names of the tools that the model may call, 64 at most",
        "request.user": "the end user that the caller names, or null",
        "request.bytes": "size of the body",
        "caller.tenant_id": "id of the tenant",
        "caller.tenant_name": "its name",
        "caller.department_id": "id, or null",
        "caller.team_id": "id, or null",
        "caller.user_id": "id, or null",
        "caller.key_id": "id of the API key",
        "caller.key_name": "its name",
        "route.name": "the route, pool or model that the request goes to",
        "route.pool": "the pool behind it, or null",
        "budget.used_percent": "of the caller's fullest cost, token or request limit, whole per cent; 0 without limits",
        "budget.limited": "whether any limit applies to the caller",
    }
)
"""What conditions may read."""

VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tenant_id": "caller.tenant_id",
        "user_id": "caller.user_id",
        "team_id": "caller.team_id",
        "department_id": "caller.department_id",
        "key_name": "caller.key_name",
        "route": "route.name",
        "request_id": "request.id",
        "date": "request.date",
    }
)
"""What texts may have in them, as `${tenant_id}`, and the fact that stands for it. One that is null is empty text."""


class Facts(Protocol):
    """What is known of one request."""

    def value(self, name: str) -> FactValue:
        """`name` is one of FACTS."""
        ...


class RuleError(Exception):
    """A rule could not be done on this request; `OnError` decides what becomes of it. The text is for people and has
    nothing of the request in it."""


class OnError(StrEnum):
    """What becomes of a request whose rule fails at run time (or whose guardrail is away): refused, or served without
    that rule, visibly."""

    FAIL = "fail"
    SKIP = "skip"


class Condition(Protocol):
    def holds(self, facts: Facts) -> bool:
        """Raises RuleError."""
        ...


class Template(Protocol):
    def fill(self, facts: Facts) -> str: ...


class TextPipe(Protocol):
    """One stream of text on its way through a rule. What was fed comes out, changed, in any pieces: `feed` may keep
    back what is not decided yet, a bounded number of characters. For every partition of a text the outputs joined are
    the same. Raises Fault where the text is blocked, RuleError."""

    def feed(self, text: str) -> str: ...

    def end(self) -> str:
        """The rest. Nothing is fed after it."""
        ...


MakePipe = Callable[["Tally"], TextPipe]


@final
class Tally:
    """What rules found and could not do in one request: for the decision record, never with a word of the text."""

    __slots__ = ("_found", "_skipped")

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], int] = {}
        self._skipped: dict[int, str] = {}

    def found(self, rule: int, what: str) -> None:
        """`what`: for example "redacted email"."""
        key = (rule, what)
        self._found[key] = self._found.get(key, 0) + 1

    def skipped(self, rule: int, why: str) -> None:
        self._skipped[rule] = why

    @property
    def skipped_rules(self) -> tuple[int, ...]:
        return tuple(sorted(self._skipped))

    def notes(self) -> tuple[str, ...]:
        """For example: rule 3: redacted email, 2 times."""
        found = (f"rule {rule}: {what}, {_times(count)}" for (rule, what), count in self._found.items())
        skipped = (f"rule {rule}: skipped, {why}" for rule, why in self._skipped.items())
        return (*found, *skipped)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


class Seat(StrEnum):
    """Whose words an injected text is."""

    SYSTEM = "system"
    USER = "user"


class Where(StrEnum):
    START = "start"
    END = "end"


class SystemMode(StrEnum):
    """`FORCE` takes the place of every system prompt there is, also of those in the middle of a conversation."""

    FORCE = "force"
    PREPEND = "prepend"
    APPEND = "append"


class RequestForm(Protocol):
    """One request's body while rules change it, in whatever dialect it was written. Fields are named by their meaning
    where they have one (`max_tokens` is what bounds the output, whatever the API calls it), else by the path in the
    body. Nothing is decoded before it is asked for, and what no rule touches keeps its bytes. Verbs that give a bool
    say False where this operation has no such thing (an embedding has no system prompt)."""

    def get(self, path: Path) -> Json:
        """msgspec.UNSET where it is absent."""
        ...

    def put(self, path: Path, value: Json) -> None:
        """Objects on the way are made. Raises RuleError where something else is in the way."""
        ...

    def drop(self, path: Path) -> bool: ...

    def rename(self, path: Path, to: str) -> bool: ...

    def system(self, mode: SystemMode, text: str) -> bool: ...

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        """SYSTEM adds to the system prompt; USER begins or ends what the user says last."""
        ...

    def tool_names(self) -> tuple[str, ...]: ...

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        """The names that were taken out. Without tools left there is no choice among them either."""
        ...

    def add_metadata(self, values: Mapping[str, str]) -> bool: ...

    def rewrite(self, make: Callable[[], TextPipe], spares: Callable[[str], bool] | None = None) -> None:
        """Every text of people, tools and models in it, arguments of tool calls too, each through a pipe of its own.
        Ids, names of roles and types, media and signatures are no text. `spares` says of a whole text, for less than a
        pipe costs, that the pipe would not change it."""
        ...

    def texts(self) -> tuple[str, ...]:
        """What `rewrite` would see, in the same order."""
        ...

    def fields(self) -> dict[str, msgspec.Raw]:
        """The body's members now."""
        ...


class Hook(msgspec.Struct, frozen=True):
    """An external guardrail: what it is asked at, and how long it is waited for. `window` is how many characters of a
    stream are shown to it at a time."""

    url: str
    seconds: float
    on_error: OnError
    window: int
    key: Secret | None = None


class RequestRule(msgspec.Struct, frozen=True):
    """`number` is its place in the list as people wrote it, from 1. Exactly one of `act` and `hook` is there."""

    number: int
    do: str
    when: Condition | None = None
    on_error: OnError = OnError.FAIL
    act: Callable[[RequestForm, Facts, Tally], None] | None = None
    hook: Hook | None = None


class PipeText(msgspec.Struct, frozen=True):
    """Redact, block, replace: every text of the answer, arguments of tool calls too."""

    make: MakePipe


class ReplaceNames(msgspec.Struct, frozen=True):
    """What a provider is called, in `model`, ids and the fingerprint (`in_names`) and in headers."""

    replace: Callable[[str], str]
    in_names: bool
    in_headers: bool


class DropFields(msgspec.Struct, frozen=True):
    paths: tuple[Path, ...]


class PutField(msgspec.Struct, frozen=True):
    """`value`: text with variables, or any JSON value."""

    path: Path
    value: Template | Json


class AddMetadata(msgspec.Struct, frozen=True):
    values: Mapping[str, Template]


class AppendText(msgspec.Struct, frozen=True):
    """Behind the last word of every answer that is one: not where the model waits for a tool."""

    text: Template


class Normalize(msgspec.Struct, frozen=True):
    """The answer is written anew as the dialect's own provider would, whatever this provider's habits are."""


class AskHook(msgspec.Struct, frozen=True):
    hook: Hook


Effect = PipeText | ReplaceNames | DropFields | PutField | AddMetadata | AppendText | Normalize | AskHook


class ResponseRule(msgspec.Struct, frozen=True):
    number: int
    do: str
    effect: Effect
    when: Condition | None = None
    on_error: OnError = OnError.FAIL


@final
class RuleSet:
    """All rules of a course, the tenant's before the route's. Two are equal where they were compiled from the same
    text: compiled things cannot be compared. `broken`: why they could not be compiled, although they were once; then
    nothing is served by them. `revision` is the digest of `source` that people see. `hides_providers`: one of them
    changes what headers say, so none may tell the provider beside it."""

    __slots__ = ("broken", "hides_providers", "request", "response", "revision", "source")

    def __init__(
        self,
        source: str,
        revision: str,
        request: tuple[RequestRule, ...] = (),
        response: tuple[ResponseRule, ...] = (),
        broken: str | None = None,
    ) -> None:
        self.source = source
        self.revision = revision
        self.request = request
        self.response = response
        self.broken = broken
        effects = [rule.effect for rule in response]
        self.hides_providers = any(isinstance(one, ReplaceNames) and one.in_headers for one in effects)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleSet) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)


class AnswerRules(msgspec.Struct, frozen=True):
    """What becomes of one request's answer, whole or streamed: texts go through `pipes` in their order, then `drop`,
    `put` and `metadata` are done, then `appended` ends the text. `hidden_as`: the model's name that the caller is told
    instead of the provider's, whose ids, fingerprint and headers are not shown either (None: nothing is hidden).
    `request_id` and `created` (Unix seconds) are there for what has to be made up. `arguments` makes, of what makes a
    chain of pipes, one pipe for the JSON text of a tool call, so that it stays JSON; None: it is piped as any text.
    `hooks` stand with the numbers of their rules, as those of all rules in `in_force`."""

    request_id: str = ""
    created: int = 0
    pipes: tuple[MakePipe, ...] = ()
    names: tuple[Callable[[str], str], ...] = ()
    header_names: tuple[Callable[[str], str], ...] = ()
    drop: tuple[Path, ...] = ()
    put: tuple[tuple[Path, Json], ...] = ()
    metadata: Mapping[str, str] = MappingProxyType({})
    appended: str = ""
    hidden_as: str | None = None
    normalizes: bool = False
    hooks: tuple[tuple[int, Hook], ...] = ()
    tally: Tally = msgspec.field(default_factory=Tally)
    arguments: Callable[[Callable[[], TextPipe]], TextPipe] | None = None
    in_force: tuple[int, ...] = ()

    @property
    def likeness(self) -> Json:
        """Equal where two answers of the same revision of the configuration become the same."""
        return (self.in_force, self.put, tuple(self.metadata.items()), self.appended, self.hidden_as)

    @property
    def changes_body(self) -> bool:
        """False: the provider's bytes may go out as they are."""
        return bool(
            self.pipes
            or self.names
            or self.drop
            or self.put
            or self.metadata
            or self.appended
            or self.hidden_as is not None
        )
