"""What is written through the window is in the file for everybody who opens it, wherever the window lies."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.runtime.disk_file import WINDOW_BYTES, DiskFile

SIZE = 3 * WINDOW_BYTES + 1000


def a_file(folder: Path, size: int = SIZE) -> DiskFile:
    descriptor = os.open(folder / "x", os.O_RDWR | os.O_CREAT, 0o600)
    os.posix_fallocate(descriptor, 0, size)
    return DiskFile(descriptor)


@given(st.lists(st.tuples(st.integers(0, SIZE - 400), st.binary(min_size=1, max_size=400)), max_size=30))
def test_writes_in_any_order_are_what_others_read(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("disk")
    file, expected = a_file(folder), bytearray(SIZE)
    for offset, data in writes:
        file.write(data, offset)
        expected[offset : offset + len(data)] = data
    assert (folder / "x").read_bytes() == expected
    assert file.read(SIZE + 5, 0) == expected
    file.sync()
    file.close()
    assert (folder / "x").read_bytes() == expected


def test_a_record_that_is_longer_than_a_window_goes_in_whole(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    data = os.urandom(WINDOW_BYTES + 5000)
    file.write(data, 700)
    assert file.read(len(data), 700) == data


def test_only_a_window_of_a_long_file_is_memory_of_the_process(tmp_path: Path) -> None:
    file = a_file(tmp_path, 64 << 20)
    before = _mapped_kilobytes()
    for offset in range(0, 64 << 20, 4096):
        file.write(b"x" * 160, offset)
    assert _mapped_kilobytes() - before <= 2 * WINDOW_BYTES // 1024


def _mapped_kilobytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    lines = {name: value for name, _, value in (line.partition(":") for line in status.splitlines())}
    return int(lines["RssFile"].split()[0]) + int(lines["RssShmem"].split()[0])


def test_where_nothing_can_be_mapped_it_is_written_all_the_same(tmp_path: Path) -> None:
    """A descriptor that only writes cannot be mapped (mmap(2): EACCES)."""
    (tmp_path / "x").write_bytes(bytes(1000))
    file = DiskFile(os.open(tmp_path / "x", os.O_WRONLY))
    file.write(b"abc", 10)
    assert (tmp_path / "x").read_bytes()[8:15] == b"\0\0abc\0\0"


def test_a_disk_that_takes_nothing_says_so() -> None:
    file = DiskFile(os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(OSError) as refused:
        file.write(b"abc", 0)
    assert refused.value.errno == errno.ENOSPC


def test_a_kill_right_after_a_write_loses_nothing(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from ai_gateway.runtime.disk_file import DiskFile\n"
        "descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n"
        "os.posix_fallocate(descriptor, 0, 1 << 20)\n"
        "file = DiskFile(descriptor)\n"
        "for place in range(5000):\n"
        "    file.write(place.to_bytes(4, 'little') * 40, place * 160)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x")], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    data = (tmp_path / "x").read_bytes()
    assert [int.from_bytes(data[at : at + 4], "little") for at in range(0, 5000 * 160, 160)] == list(range(5000))
