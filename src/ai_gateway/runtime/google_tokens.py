"""Tokens of Google accounts: got once, kept, and replaced before they end, so that no request waits for one that
another could have used.

The first request of an account waits for its token, and all that come meanwhile wait for the same one. From then on a
task of the account's own gets the next one in good time, as long as anybody uses it; a token that nobody used for its
whole life is let go. Where the next one cannot be had, the old one is good to its end. A refusal is remembered for a
moment, lest every request of a busy route ask again with a key that was deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.domain.faults import Fault, ProviderFailed, ProviderTooSlow
from ai_gateway.domain.redaction import redact
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.providers.errors import read_error
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.credentials import key_unavailable
from ai_gateway.runtime.google_accounts import Account, question_of, read_account
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.upstream import Outgoing, TooSlow, Upstream, UpstreamError

WAIT_SECONDS: Final = 10.0
"""For an exchange, whoever waits for it."""
EARLY_SECONDS: Final = 300.0
"""Before a token's end the next one is got."""
SPARE_SECONDS: Final = 30.0
"""Of a token's life that are not counted on: clocks differ, and requests take their time."""
AGAIN_SECONDS: Final = 15.0
"""After a refusal, and between two tries in the background."""
SHORTEST_SECONDS: Final = 60.0
MOST_ACCOUNTS: Final = 1000
MOST_BYTES: Final = 64 << 10

_HEADERS: Final = (
    ("content-type", "application/x-www-form-urlencoded"),
    ("accept", "application/json"),
    ("accept-encoding", "identity"),
)


class _Token(msgspec.Struct, frozen=True):
    text: Secret
    until: float


class _Refusal(msgspec.Struct, frozen=True):
    fault: Fault
    until: float


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3600.0


@final
class GoogleTokens:
    """`sleep` is asyncio's. Times are monotonic seconds but for what is signed."""

    def __init__(
        self,
        upstream: Upstream,
        clock: Clock,
        tasks: Tasks,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._tasks = tasks
        self._sleep = sleep
        self._tokens: dict[Secret, _Token] = {}
        self._refusals: dict[Secret, _Refusal] = {}
        self._asking: dict[Secret, asyncio.Task[None]] = {}
        self._keeping: set[Secret] = set()
        self._used: set[Secret] = set()

    def token_for(self, key: Secret) -> Secret | None:
        token = self._tokens.get(key)
        if token is None or token.until <= self._clock.now():
            return None
        self._used.add(key)
        return token.text

    async def ready(self, key: Secret, seconds: float) -> None:
        """Returns at once where there is a token. Raises ProviderKeyRefused, ProviderFailed, ProviderTooSlow where
        none can be had within `seconds`, or the time that an exchange may take."""
        if self.token_for(key) is not None:
            return
        self._raise_what_was_refused(key)
        asking = self._asking.get(key)
        if asking is None:
            if len(self._tokens) >= MOST_ACCOUNTS:
                self._tokens.clear()
            asking = self._asking[key] = self._tasks.spawn("google-token", self._first(key))
        await asyncio.wait({asking}, timeout=min(seconds, WAIT_SECONDS))
        if self.token_for(key) is None:
            self._raise_what_was_refused(key)
            raise ProviderTooSlow("The server that gives out keys for this AI provider did not answer in time.")

    def _raise_what_was_refused(self, key: Secret) -> None:
        refusal = self._refusals.get(key)
        if refusal is not None and refusal.until > self._clock.now():
            fault = refusal.fault
            raise type(fault)(fault.message, code=fault.code, detail=fault.detail)

    async def _first(self, key: Secret) -> None:
        try:
            if await self._ask(key) and key not in self._keeping:
                self._keeping.add(key)
                self._tasks.spawn("google-token-next", self._keep(key))
        finally:
            self._asking.pop(key, None)

    async def _keep(self, key: Secret) -> None:
        """Ends when a token was not used in its life, or the next one did not come before its end."""
        try:
            while (token := self._tokens.get(key)) is not None and token.until > self._clock.now():
                await self._sleep(max(SHORTEST_SECONDS, token.until - EARLY_SECONDS - self._clock.now()))
                if key not in self._used:
                    return
                self._used.discard(key)
                while not await self._ask(key) and token.until > self._clock.now():
                    await self._sleep(AGAIN_SECONDS)
        finally:
            self._keeping.discard(key)

    async def _ask(self, key: Secret) -> bool:
        """Whether a token was got. Otherwise the reason is remembered."""
        try:
            token = await self._exchange(key)
        except Fault as fault:
            if len(self._refusals) >= MOST_ACCOUNTS:
                self._refusals.clear()
            self._refusals[key] = _Refusal(fault, self._clock.now() + AGAIN_SECONDS)
            return False
        self._tokens[key] = token
        self._refusals.pop(key, None)
        return True

    async def _exchange(self, key: Secret) -> _Token:
        try:
            account = read_account(key)
            request = _request(account, await asyncio.to_thread(question_of, account, self._clock.wall()))
        except ValueError as error:
            raise key_unavailable(str(error)) from None
        asked = self._clock.now()
        try:
            answer = await self._upstream.send(request)
            try:
                body = await answer.read(MOST_BYTES, WAIT_SECONDS)
            finally:
                answer.close()
        except TooSlow as error:
            raise ProviderTooSlow(
                "The server that gives out keys for this AI provider did not answer in time.", detail=str(error)
            ) from None
        except UpstreamError as error:
            raise _unreachable(f"{type(error).__name__}: {error}") from None
        granted = _read_grant(body) if 200 <= answer.status < 300 else None
        if granted is not None:
            life = max(SHORTEST_SECONDS, granted.expires_in - SPARE_SECONDS)
            return _Token(Secret(granted.access_token), asked + life)
        said = read_error(answer.status, answer.headers, body)
        detail = redact(f"{request.url.text} {answer.status} {said.type or said.message}")
        if 400 <= answer.status < 500 and answer.status not in (408, 429):
            raise key_unavailable(detail)
        raise _unreachable(detail)


def _request(account: Account, question: bytes) -> Outgoing:
    """Raises ValueError for an address that no key may be sent to."""
    url = _checked(account.token_uri)
    return Outgoing(
        method="POST",
        url=url,
        path="",
        headers=_HEADERS,
        body=question,
        reach=Reach.CHECKED,
        connect_seconds=WAIT_SECONDS / 2,
        head_seconds=WAIT_SECONDS,
    )


def _checked(token_uri: str) -> BaseUrl:
    """Egress decides whether the address may be called; this, whether it may be called without TLS."""
    try:
        url = parse_base_url(token_uri)
    except ValueError:
        raise ValueError("the token_uri of the account is not a URL") from None
    if url.scheme != "https" and url.host not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("the token_uri of the account does not begin with https://")
    return url


def _read_grant(body: bytes) -> _Granted | None:
    try:
        granted = msgspec.json.decode(body, type=_Granted)
    except (msgspec.MsgspecError, ValueError):
        return None
    is_sendable = granted.access_token.isascii() and granted.access_token.isprintable()
    return granted if is_sendable and granted.access_token else None


def _unreachable(detail: str) -> ProviderFailed:
    return ProviderFailed(
        "The server that gives out keys for this AI provider cannot be reached.",
        code="provider_key_unavailable",
        detail=detail,
    )
