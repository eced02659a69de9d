"""The listening side: sockets, the server on them, and an end in three steps (unready, closed to new ones, gone).

uvicorn would take the signals and drain for ever; here the process decides. `stop` may be asked for any number of
times: a second signal, which `make` forwards when a terminal's Ctrl-C reaches both, cuts nothing short.
"""

import asyncio
import resource
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, final

import uvicorn


def allow_open_files() -> int:
    """As many as the system lets this process have; how many that is. A stream takes two, and many systems begin with
    1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some forbid what they say that they allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def open_sockets(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Listening sockets, all on one port (0: the first one picks it). A loopback family that this machine does not
    have is left out if another one is there. Raises OSError where the port is taken."""
    opened: list[socket.socket] = []
    problem: OSError | None = None
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            problem = error
            continue
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port))
            listener.listen(2048)
        except OSError as error:
            listener.close()
            if family == socket.AF_INET6 and opened:
                continue
            for other in opened:
                other.close()
            raise error
        port = listener.getsockname()[1]
        opened.append(listener)
    if not opened:
        raise problem or OSError("no address to listen on")
    return opened


@final
class Server:
    """One ASGI application on some sockets. `protocol` None: uvicorn's own (for servers that face nobody)."""

    def __init__(self, app: Any, sockets: list[socket.socket], protocol: Any = None, drain_seconds: float = 5) -> None:
        config = uvicorn.Config(
            app,
            http=protocol or "httptools",
            interface="asgi3",
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=True,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
            h11_max_incomplete_event_size=None,
        )
        self._server = _Quiet(config)
        self._sockets = sockets

    @property
    def port(self) -> int:
        return self._sockets[0].getsockname()[1]

    async def run(self) -> None:
        """Until `stop`, and until every request has ended or the drain's time is over."""
        await self._server.serve(sockets=self._sockets)

    async def started(self) -> None:
        """Until it accepts connections."""
        await self._server.accepting.wait()

    def stop(self) -> None:
        self._server.should_exit = True


@final
class _Quiet(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
