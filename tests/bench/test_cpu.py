"""What is read from /proc."""

import os
import subprocess
import sys

import pytest
from benchmarks.cpu import Cpu, cpu_of, descriptors, facts, machine, peak_rss_bytes, rss_bytes, threads, tree

SPIN = "import sys,time\nwhile time.process_time() < 0.3: pass\nprint('spun', flush=True)\nsys.stdin.read()"
PARENT = f"import subprocess,sys\nsubprocess.run([sys.executable, '-c', {SPIN!r}])"


def test_the_work_of_a_child_is_counted_to_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdin
        assert parent.stdout.readline() == b"spun\n"
        family, cost = tree(parent.pid), cpu_of(parent.pid)
        parent.stdin.close()

    assert len(family) == 2
    assert cost.total >= 0.29


def test_a_process_that_is_gone_is_told() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    with pytest.raises(ProcessLookupError):
        cpu_of(ended.pid)


def test_memory_descriptors_and_threads_are_those_of_this_process() -> None:
    before = descriptors(os.getpid())
    with open(os.devnull, "rb"):
        assert descriptors(os.getpid()) == before + 1

    assert 1_000_000 < rss_bytes(os.getpid()) <= peak_rss_bytes(os.getpid())
    assert threads(os.getpid()) >= 1


def test_differences_keep_user_and_system_apart() -> None:
    assert Cpu(3.0, 2.0) - Cpu(1.0, 0.5) == Cpu(2.0, 1.5)
    assert (Cpu(1.0, 0.5) + Cpu(1.0, 0.5)).total == 3.0


def test_the_machine_is_described_without_its_name() -> None:
    assert machine().busy > 0
    assert os.uname().nodename not in " ".join(facts().values())
