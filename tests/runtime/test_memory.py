import os
import subprocess
import sys

from ai_gateway.runtime.memory import keep_large_bodies_in_the_heap

SETTLED = """
import gc
from ai_gateway.runtime.memory import settle_in
kept = [[] for _ in range(1000)]
settle_in()
print(gc.get_freeze_count() > 1000, gc.get_threshold()[0])
"""


def test_glibc_takes_the_switch() -> None:
    assert keep_large_bodies_in_the_heap() is sys.platform.startswith("linux")


def test_what_lives_when_it_settles_in_is_frozen() -> None:
    """In a process of its own: freezing is for the whole process."""
    said = subprocess.run(
        [sys.executable, "-c", SETTLED],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert said.stdout.split() == ["True", "50000"]
