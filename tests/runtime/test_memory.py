import os
import subprocess
import sys

from ai_gateway.runtime.memory import YOUNG_OBJECTS, keep_large_bodies_in_the_heap

SETTLED = """
import gc
from ai_gateway.runtime.memory import settle_in
kept = [[] for _ in range(1000)]
settle_in()
print(gc.get_freeze_count() > 1000, gc.get_threshold()[0])
"""
MOVED_IN = """
import gc
from ai_gateway.runtime.memory import moving_in
passes = []
gc.callbacks.append(lambda phase, info: passes.append(phase))
with moving_in():
    kept = [[] for _ in range(100_000)]
    print(passes, gc.isenabled())
print(len(passes) > 0, gc.isenabled(), gc.get_freeze_count() > 100_000)
"""


def test_glibc_takes_the_switch() -> None:
    assert keep_large_bodies_in_the_heap() is sys.platform.startswith("linux")


def test_what_lives_when_it_settles_in_is_frozen() -> None:
    assert said_by(SETTLED).split() == ["True", str(YOUNG_OBJECTS)]


def test_while_it_moves_in_nothing_is_looked_at_and_then_all_of_it_is_frozen() -> None:
    assert said_by(MOVED_IN).splitlines() == ["[] False", "True True True"]


def said_by(program: str) -> str:
    """In a process of its own: freezing is for the whole process."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
