"""The data plane as an ASGI application: a table of routes, one gate, and one place where a request ends.

There is no framework here because there is nothing for one to do: paths are looked up in a dictionary, and whatever
happens to a request (answered, refused, left, a fault of our own) is turned into one answer and one note at the end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.decisions import Step, What
from ai_gateway.domain.faults import Fault, GatewayFault, InvalidRequest, NotFound
from ai_gateway.domain.traffic import Caller, Head
from ai_gateway.gateway import answers, dispatch, line, lookups, reading, stored
from ai_gateway.gateway.admission import Admitted, admit, admit_again
from ai_gateway.gateway.attempt_faults import draining
from ai_gateway.gateway.client import Client, ClientLeft, Interruption, Receive, Send
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.flight import Flight
from ai_gateway.gateway.known_request import Memory
from ai_gateway.gateway.telling import told
from ai_gateway.gateway.watch import Watch
from ai_gateway.policy.paths import canonical_path
from ai_gateway.runtime.crashes import place_of
from ai_gateway.runtime.telemetry import Ended

Handler = Callable[[Doors, Admitted, Client], Awaitable[Carried]]
CLIENT_LEFT_STATUS: Final = 499
NOTHING: Final = Carried()
_LEFT: Final = Interruption.LEFT  # a member of an enum is a look-up in Python each time
_MODELS: Final = Operation.MODELS


class Route(msgspec.Struct, frozen=True):
    """`handler` takes an Admitted, which only the gate can make."""

    method: str
    operation: Operation
    dialect: Dialect
    handler: Handler


ROUTES: Final[Mapping[str, Route]] = MappingProxyType(
    {
        "/v1/chat/completions": Route("POST", Operation.CHAT, Dialect.OPENAI, line.serve),
        "/v1/embeddings": Route("POST", Operation.EMBEDDINGS, Dialect.OPENAI, line.serve),
        "/v1/completions": Route("POST", Operation.COMPLETIONS, Dialect.OPENAI, line.serve),
        "/v1/images/generations": Route("POST", Operation.IMAGES, Dialect.OPENAI, line.serve),
        "/v1/responses": Route("POST", Operation.RESPONSES, Dialect.OPENAI, line.serve),
        "/v1/messages": Route("POST", Operation.MESSAGES, Dialect.ANTHROPIC, line.serve),
        "/v1/messages/count_tokens": Route("POST", Operation.COUNT_TOKENS, Dialect.ANTHROPIC, line.serve),
        "/v1/models": Route("GET", Operation.MODELS, Dialect.OPENAI, lookups.list_models),
    }
)
"""Paths that are looked up whole."""

ROUTES_BELOW: Final[Mapping[str, Route]] = MappingProxyType(
    {
        "/v1/models/": Route("GET", Operation.MODELS, Dialect.OPENAI, lookups.list_models),
        "/v1/responses/": Route("GET", Operation.STORED_RESPONSES, Dialect.OPENAI, stored.show_response),
        "/v1/requests/": Route("GET", Operation.REQUESTS, Dialect.OPENAI, lookups.show_request),
    }
)
"""Prefixes; what follows is the id."""

DELETES_BELOW: Final[Mapping[str, Route]] = MappingProxyType(
    {"/v1/responses/": Route("DELETE", Operation.STORED_RESPONSES, Dialect.OPENAI, stored.delete_response)}
)
"""What stands below a prefix and can be deleted too."""


class Known(msgspec.Struct, frozen=True, gc=False):
    """What a head said that may come again: where it leads, and who sent it in the configuration `revision`."""

    route: Route
    head: Head
    caller: Caller
    revision: int


@final
class DataPlane:
    """`on_crash` is told of an exception that nobody expected: the request id and the place, for the log."""

    def __init__(self, doors: Doors, on_crash: Callable[[str, str], None]) -> None:
        self._doors = doors
        self._on_crash = on_crash

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        doors = self._doors
        client = Client(scope, receive, send)
        flight = client.flight
        request_id, now, wall = _begin(doors) if flight is None else _take_over(doors, client, flight)
        doors.live.add(client)
        head: Head | None = None
        carried = NOTHING
        admitted: Admitted | None = None
        fault: Fault | None = None
        try:
            if flight is None:
                known = client.memory and client.memory.known
                route, head = _read_head(scope, known, request_id=request_id, now=now, wall=wall)
                client.introduce(head)
                admitted = _admit(doors, client.memory, known, route, head)
                carried = await route.handler(doors, admitted, client)
            else:
                admitted = flight.admitted()
                head = admitted.head
                client.introduce(head)
                carried = await line.land(doors, flight, admitted, client)
            fault = carried.fault
        except Fault as refusal:
            fault = refusal
        except ClientLeft:
            client.interruption = _LEFT
        except asyncio.CancelledError:
            why = client.take_interruption()
            if why is None:
                raise
            fault = draining() if why is Interruption.DRAINED else None
        except Exception as crash:  # noqa: BLE001  the edge: whatever it was, the caller gets our fault and nothing of it
            self._on_crash(request_id, place_of(crash))
            fault = GatewayFault(status=500, code="internal_error")
        finally:
            head = head or _unread_head(scope, request_id, now, wall)
            try:
                if fault is not None:
                    await _close(client, head, told(fault, client, head, admitted), carried)
            except asyncio.CancelledError:
                if client.take_interruption() is None:
                    raise
            finally:
                client.release()
                doors.live.discard(client)
                doors.telemetry.ended(_ended(doors, head, client, carried, admitted=admitted, fault=fault))


def _begin(doors: Doors) -> tuple[str, float, float]:
    now, wall = doors.clock.now(), doors.clock.wall()
    doors.telemetry.began()
    return doors.ids.request_id(wall), now, wall


def _take_over(doors: Doors, client: Client, flight: Flight) -> tuple[str, float, float]:
    """Whatever happened to it until now has happened to this request."""
    client.interruption = client.interruption or flight.interruption
    doors.live.discard(flight)
    return flight.request_id, flight.received, flight.wall


def drain(doors: Doors) -> int:
    """End every request that is still running with a clear error. How many there were."""
    running = tuple(doors.live)
    for client in running:
        client.interrupt(Interruption.DRAINED)
    return len(running)


async def _close(client: Client, head: Head, fault: Fault, carried: Carried) -> None:
    """Say the fault to a caller who is still there and has heard nothing yet, and which endpoint it was about."""
    if client.answered or client.interruption is _LEFT:
        return
    body = answers.body_of(fault, head.dialect, head.request_id)
    client.introduce(head)
    tried = dispatch.tried_headers(client, carried.receipts)
    await client.answer(answers.status_of(fault, head.dialect), (*answers.headers_of(fault), *tried), body)


def _read_head(
    scope: dict[str, Any], known: Known | None, *, request_id: str, now: float, wall: float
) -> tuple[Route, Head]:
    """Where a request leads, and its head. Raises Fault."""
    if known is not None:
        return known.route, reading.same_head(known.head, request_id, now, wall)
    route, target_id = _find_route(scope)
    dialect = _dialect_of(route, scope)
    head = reading.read_head(scope, route.operation, dialect, target_id, request_id=request_id, now=now, wall=wall)
    return route, head


def _admit(doors: Doors, memory: Memory | None, known: Known | None, route: Route, head: Head) -> Admitted:
    """Raises Fault."""
    if known is not None and known.revision == doors.snapshots.current().revision:
        return admit_again(doors, head, known.caller)
    admitted = admit(doors, head)
    if memory is not None:
        memory.known = Known(route, head, admitted.caller, admitted.snapshot.revision)
    return admitted


def _find_route(scope: dict[str, Any]) -> tuple[Route, str | None]:
    watch: Watch | None = scope.get("extensions", {}).get("ai_gateway.watch")
    path = canonical_path(scope["raw_path"]) if watch is None or watch.path is None else watch.path
    route, target_id = ROUTES.get(path), None
    if route is None:
        for prefix, below in ROUTES_BELOW.items():
            if path.startswith(prefix) and len(path) > len(prefix):
                is_deleted = scope["method"] == "DELETE"
                route = DELETES_BELOW.get(prefix, below) if is_deleted else below
                target_id = path[len(prefix) :]
    if route is None:
        raise NotFound(f"There is nothing at {path[:200]}.", code="unknown_url")
    if scope["method"] != route.method:
        raise InvalidRequest(
            f"{path[:200]} takes {route.method}.",
            action=f"Send the request as {route.method}.",
            code="method_not_allowed",
            status=405,
        )
    return route, target_id


def _unread_head(scope: dict[str, Any], request_id: str, now: float, wall: float) -> Head:
    """Enough of a Head to answer a request that leads nowhere, in the shape that its path suggests."""
    anthropic = scope["path"].startswith("/v1/messages")
    return Head(
        request_id=request_id,
        operation=Operation.MESSAGES if anthropic else Operation.CHAT,
        dialect=Dialect.ANTHROPIC if anthropic else Dialect.OPENAI,
        received=now,
        received_wall=wall,
    )


def _dialect_of(route: Route, scope: dict[str, Any]) -> Dialect:
    """Lists of models are asked for by both SDKs at one path; Anthropic's names its version."""
    if route.operation is _MODELS and any(name == b"anthropic-version" for name, _ in scope["headers"]):
        return Dialect.ANTHROPIC
    return route.dialect


def _ended(
    doors: Doors, head: Head, client: Client, carried: Carried, *, admitted: Admitted | None, fault: Fault | None
) -> Ended:
    caller = None if admitted is None else admitted.caller
    receipts = carried.receipts
    return Ended(  # by place, which is half of what names cost
        head.request_id,
        head.operation,
        CLIENT_LEFT_STATUS if client.interruption is _LEFT else client.status,
        head.received_wall,
        doors.clock.now() - head.received,
        fault,
        receipts,
        None if caller is None else caller.tenant.id,
        None if caller is None else caller.key.id,
        receipts[0].requested_model if receipts else None,
        head.traceparent,
        carried.steps if fault is None else carried.steps or _steps_of(fault),
        carried.faults,
    )


def _steps_of(fault: Fault | None) -> tuple[Step, ...]:
    """What rules had found by the time that they refused it."""
    return () if fault is None else tuple(Step(0.0, What.RULED, note) for note in fault.notes)
