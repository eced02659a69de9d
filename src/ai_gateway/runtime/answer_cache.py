"""Answers that may be given again, in this process's memory: so many bytes in all, the least lately used go first.

A name holds all that an answer depends on, the tenant before everything, so an answer can only be found by who would
have been given it. It is a keyed digest: nobody can aim at another's.
"""

from collections import OrderedDict
from typing import Final, final

import msgspec

from ai_gateway.domain.config import ProviderType

MOST_BYTES: Final = 64 << 20
MOST_BYTES_EACH: Final = 1 << 20


class CachedAnswer(msgspec.Struct, frozen=True, gc=False):
    """`until` is monotonic seconds; `endpoint`, `provider` and `model` are whose answer it was, `cost_nano` and
    `price_version` what it cost then and by which price (`priced`: anybody knew one)."""

    tenant_id: str
    until: float
    headers: tuple[tuple[str, str], ...]
    body: bytes
    endpoint: str
    provider: ProviderType
    model: str
    cost_nano: int = 0
    price_version: str | None = None
    priced: bool = True


@final
class AnswerCache:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self.bytes = 0

    def find(self, name: bytes, tenant_id: str, now: float) -> CachedAnswer | None:
        answer = self._answers.get(name)
        if answer is None or answer.tenant_id != tenant_id:
            return None
        if answer.until <= now:
            self._drop(name)
            return None
        self._answers.move_to_end(name)
        return answer

    def keep(self, name: bytes, answer: CachedAnswer) -> None:
        self._drop(name)
        self._answers[name] = answer
        self.bytes += len(answer.body)
        while self.bytes > self._most_bytes:
            self._drop(next(iter(self._answers)))

    def __len__(self) -> int:
        return len(self._answers)

    def _drop(self, name: bytes) -> None:
        answer = self._answers.pop(name, None)
        if answer is not None:
            self.bytes -= len(answer.body)
