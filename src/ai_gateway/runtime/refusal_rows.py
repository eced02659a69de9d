"""How many refusals may leave a row. Each is worth one, since who was turned away asks why; but whoever is turned away
can ask again as fast as he likes and pays nothing for it, so rows of refusals are bounded where rows of attempts are
not."""

from typing import Final, final

MINUTE_SECONDS: Final = 60.0


@final
class RefusalRows:
    """`each` for one key, `altogether` for all keys of this process, a minute."""

    def __init__(self, each: int = 10, altogether: int = 600) -> None:
        self._each = each
        self._altogether = altogether
        self._minute = -1
        self._counts: dict[str, int] = {}
        self._count = 0

    def take(self, key_id: str, now: float) -> bool:
        """Whether this one may leave a row (`now` monotonic)."""
        minute = int(now // MINUTE_SECONDS)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
            self._count = 0
        count = self._counts.get(key_id, 0)
        if count >= self._each or self._count >= self._altogether:
            return False
        self._counts[key_id] = count + 1
        self._count += 1
        return True
