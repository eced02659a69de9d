"""Structured logs: one JSON object a line on standard error, no body, no secret, no internal address, no stack, and at
the default level one line for each request that failed.

structlog is loaded when the first line is written: the first answer should not wait for the means to complain.
"""

import logging
import sys
from typing import Any, Final, final

from ai_gateway.domain.redaction import redact
from ai_gateway.runtime.crashes import place_of
from ai_gateway.runtime.telemetry import Ended

_SENTENCES: Final = frozenset({"detail", "error", "message"})
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


@final
class Log:
    """`tells_all`: it has a line for every request, and not only for those that failed."""

    def __init__(self, level: str) -> None:
        self._least = LEVELS[level]
        self.tells_all = self._least <= LEVELS["debug"]
        self._logger: Any = None

    def debug(self, event: str, **facts: object) -> None:
        self._write("debug", event, facts)

    def info(self, event: str, **facts: object) -> None:
        self._write("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        self._write("warning", event, facts)

    def error(self, event: str, **facts: object) -> None:
        self._write("error", event, facts)

    def note(self, it: Ended) -> None:
        """The line of a finished request: failed ones at `info`, all of them at `debug`."""
        if it.fault is None:
            if self.tells_all:
                self.debug("request", **_facts(it))
            return
        ours = it.fault.status >= 500 and not it.receipts
        (self.error if ours else self.info)("request_failed", **_facts(it), **_why(it))

    def _write(self, level: str, event: str, facts: dict[str, object]) -> None:
        if LEVELS[level] < self._least:
            return
        if self._logger is None:
            self._logger = _open()
        told = {name: _clean(name, fact) for name, fact in facts.items() if fact is not None}
        getattr(self._logger, level)(event, **told)


@final
class ServerLog(logging.Handler):
    """What libraries say through `logging` (the server, the HTTP client), in our own lines and without their stacks'
    arguments. An exception that was raised on purpose has `on_purpose` and is left out."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if getattr(error, "on_purpose", False):
            return
        where = error and place_of(error)
        self._log.warning("library", source=record.name, message=record.getMessage(), where=where)


def _clean(name: str, fact: object) -> object:
    """What somebody else wrote, such as a database or a library, may name an address or a key."""
    return redact(fact) if name in _SENTENCES and isinstance(fact, str) else fact


def adopt_libraries(log: Log) -> None:
    """From now on nothing writes to standard error but `log`."""
    root = logging.getLogger()
    root.handlers[:] = [ServerLog(log)]
    root.setLevel(logging.WARNING)


def _open() -> Any:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()


def _facts(it: Ended) -> dict[str, object]:
    last = it.receipts[-1] if it.receipts else None
    return {
        "request_id": it.request_id,
        "operation": it.operation,
        "status": it.status,
        "tenant_id": it.tenant_id,
        "key_id": it.key_id,
        "model": it.model,
        "endpoint": last and last.endpoint,
        "outcome": last and last.outcome.value,
        "attempts": len(it.receipts),
        "ms": round(it.seconds * 1000, 1),
    }


def _why(it: Ended) -> dict[str, object]:
    """The provider's wording is left out: it may quote the prompt."""
    fault = it.fault
    if fault is None:
        return {}
    said = fault.provider_error
    return {
        "category": fault.category.value,
        "origin": fault.origin.value,
        "code": fault.code,
        "provider_status": said and said.status,
        "provider_code": said and (said.code or said.type),
        "detail": None if said else fault.detail or None,
    }
