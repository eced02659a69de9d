"""Where the lanes of a process are kept, shared by all connections of a key: what is known of a thousand members of a
pool is known once, and how much may be known in all is bounded."""

from typing import TYPE_CHECKING, Final, final

from ai_gateway.domain.traffic import Header

if TYPE_CHECKING:
    from ai_gateway.gateway.lanes import Lane

MOST_ENTRIES: Final = 16_384
"""Lanes and their berths, of a kilobyte or so each."""

LaneName = tuple[str, str, str, tuple[Header, ...]]
"""The key's id, the model as it is asked for, the query string and the headers that a provider may see."""


@final
class LaneBook:
    def __init__(self, most_entries: int = MOST_ENTRIES) -> None:
        self._most = most_entries
        self._entries = 0
        self._lanes: dict[LaneName, Lane] = {}

    def find(self, name: LaneName) -> "Lane | None":
        return self._lanes.get(name)

    def keep(self, name: LaneName, lane: "Lane") -> None:
        """In the place of one that does not hold any more. Where there are too many, all are found anew."""
        self.drop(name)
        self.note_entries(lane.entries)
        self._lanes[name] = lane

    def drop(self, name: LaneName) -> None:
        lane = self._lanes.pop(name, None)
        if lane is not None:
            self._entries -= lane.entries

    def note_entries(self, count: int) -> None:
        """Of a lane, or a berth of one."""
        if self._entries + count > self._most:
            for lane in self._lanes.values():
                lane.close_berths()
            self._lanes.clear()
            self._entries = 0
        self._entries += count

    def __len__(self) -> int:
        return self._entries
