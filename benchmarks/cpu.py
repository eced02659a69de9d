"""What processes cost, from /proc: CPU of a whole tree, memory, descriptors; and what else the machine was doing.

CPU is utime + stime of every process of the tree, threads and children that ended included. It is counted in ticks of
10 ms, so a window must be seconds long: in 3 s of one busy core a tick is 0.3 %.
"""

import os
import platform
from pathlib import Path
from typing import Final

import msgspec

TICKS: Final = os.sysconf("SC_CLK_TCK")
PROC: Final = Path("/proc")


class Cpu(msgspec.Struct, frozen=True):
    """Seconds."""

    user: float = 0.0
    system: float = 0.0

    @property
    def total(self) -> float:
        return self.user + self.system

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.user - earlier.user, self.system - earlier.system)

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user + other.user, self.system + other.system)


class Machine(msgspec.Struct, frozen=True):
    """Seconds of CPU that processes spent on the whole machine, that its host took away, and that went into soft
    interrupts (where the kernel counts them apart, they are in nobody's process)."""

    busy: float
    stolen: float
    soft_interrupts: float


def tree(pid: int) -> list[int]:
    """The process and all that it started and that still run."""
    found = [pid]
    for place in found:
        for task in (PROC / str(place) / "task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def cpu_of(pid: int) -> Cpu:
    """Raises ProcessLookupError where the process is gone."""
    total = Cpu()
    for member in tree(pid):
        try:
            # The name in brackets may hold spaces, so fields are counted from behind it: utime is the 14th.
            fields = (PROC / str(member) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            if member == pid:
                raise ProcessLookupError(pid) from None
            continue
        user, system, children_user, children_system = (int(field) / TICKS for field in fields[11:15])
        total += Cpu(user + children_user, system + children_system)
    return total


def rss_bytes(pid: int) -> int:
    """Resident memory of the tree, in bytes. Pages that members share count in each."""
    return sum(_status(member, "VmRSS:") for member in tree(pid)) * 1024


def peak_rss_bytes(pid: int) -> int:
    """The highest that any moment had, summed over the tree's members."""
    return sum(_status(member, "VmHWM:") for member in tree(pid)) * 1024


def forget_peak(pid: int) -> None:
    """From now on `peak_rss_bytes` counts anew."""
    for member in tree(pid):
        (PROC / str(member) / "clear_refs").write_text("5")


def descriptors(pid: int) -> int:
    return sum(len(os.listdir(PROC / str(member) / "fd")) for member in tree(pid))


def threads(pid: int) -> int:
    return sum(len(os.listdir(PROC / str(member) / "task")) for member in tree(pid))


def machine() -> Machine:
    fields = (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, _, soft, stolen = (int(field) / TICKS for field in fields[:8])
    return Machine(user + nice + system, stolen, soft)


def facts() -> dict[str, str]:
    """What a reader has to know about the machine. No names of it."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": model,
        "memory": f"{memory / 2**20:.0f} GiB",
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _status(pid: int, name: str) -> int:
    try:
        return next(int(line.split()[1]) for line in _lines(f"/proc/{pid}/status") if line.startswith(name))
    except (OSError, StopIteration):
        return 0
