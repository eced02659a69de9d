"""One request on a connection, as uvicorn keeps it, made lighter: the body stays in the pieces in which it came (nearly
always one, which is then handed on without a copy), and whoever reads hears when reading goes on."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


@final
class Cycle(RequestResponseCycle):
    """uvicorn's. `pieces` of the body wait for `receive`, `waiting_bytes` in all."""

    def __init__(self, protocol: "HttpToolsProtocol", scope: Any, *, keep_alive: bool) -> None:
        super().__init__(
            scope,
            protocol.transport,
            protocol.flow,
            protocol.logger,
            protocol.access_logger,
            protocol.access_log,
            protocol.server_state.default_headers,
            asyncio.Event(),
            protocol.expect_100_continue,
            keep_alive,
            protocol.on_response_complete,
        )
        self.pieces: list[bytes] = []
        self.waiting_bytes = 0

    async def receive(self) -> Any:
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        pieces, self.pieces, self.waiting_bytes = self.pieces, [], 0
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return {"type": "http.request", "body": body, "more_body": self.more_body}


class NoticingFlow(FlowControl):
    """Says when reading goes on: while we did not read, nobody can be blamed for having sent nothing."""

    def __init__(self, transport: asyncio.Transport, resumed: Callable[[], None]) -> None:
        super().__init__(transport)
        self._resumed = resumed

    def resume_reading(self) -> None:
        was_paused = self.read_paused
        super().resume_reading()
        if was_paused:
            self._resumed()
