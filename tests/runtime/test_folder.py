import os
import subprocess
import sys
from pathlib import Path

import pytest

from ai_gateway.runtime.folder import FolderInUse, FolderLock


def test_a_second_one_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderInUse) as refused:
        FolderLock(tmp_path)
    assert f"process {os.getpid()}" in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    lock.close()


def test_a_folder_that_was_let_go_can_be_had(tmp_path: Path) -> None:
    FolderLock(tmp_path).close()
    FolderLock(tmp_path).close()


def test_the_lock_goes_with_its_process_also_after_kill_9(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, ai_gateway.runtime.folder as it\n"
        "lock = it.FolderLock(pathlib.Path(sys.argv[1]))\nprint('held', flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUse) as refused:
            FolderLock(tmp_path)
        assert f"process {other.pid}" in str(refused.value)
        other.kill()
    FolderLock(tmp_path).close()


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "deep" / "data")
    assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "deep" / "data" / "lock").stat().st_mode & 0o777 == 0o600
    lock.close()
