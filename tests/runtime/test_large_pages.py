"""In a process of its own: what is asked for is asked for all of its memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ai_gateway.runtime.large_pages import LargePages

PROGRAM = """
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path
from ai_gateway.runtime.large_pages import LargePages

def large():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return int(next(it for it in lines if it.startswith("AnonHugePages")).split()[1]) << 10

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) << 12

pages = LargePages()
pages.look()
full = bytearray(b"x") * (32 << 20)
empty = mmap(-1, 32 << 20, flags=MAP_PRIVATE | MAP_ANONYMOUS)
before = large(), resident()
made = pages.look()
print(made, large() - before[0], resident() - before[1], full.count(b"x") == len(full), pages.look())
"""


def test_what_is_full_is_put_into_large_pages_and_nothing_else() -> None:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
    made, larger, grown, later = int(told[0]), int(told[1]), int(told[2]), int(told[4])
    if not made:
        pytest.skip("this system makes no page large because a process asks for it")
    assert 24 << 20 <= made <= 40 << 20
    assert larger >= made
    assert grown < 2 << 20
    assert told[3] == "True"
    assert later == 0


def test_where_there_are_none_nothing_is_asked(tmp_path: Path) -> None:
    assert LargePages(tmp_path / "absent").look() == 0
