from pathlib import Path

import pytest

from ai_gateway.runtime.folder import FolderInUse, FolderLock, Sharing
from ai_gateway.runtime.journal_places import JournalPlace, NoPlace, orphaned_places, take_place
from ai_gateway.runtime.segments import DiskFolder


def left_behind(place: JournalPlace, process_id: str) -> None:
    """A run that ended without tidying up."""
    place.belong_to(process_id)
    DiskFolder(place.path).create("0000000001.journal", 128).close()
    place.close()


def test_each_process_has_a_place_of_its_own(tmp_path: Path) -> None:
    first, second = take_place(tmp_path), take_place(tmp_path)
    assert [first.path.name, second.path.name] == ["journal", "journal-2"]
    assert first.process_id is None
    first.close()
    third = take_place(tmp_path)
    assert third.path.name == "journal"
    second.close()
    third.close()


def test_a_place_says_whose_records_it_has_until_they_are_gone(tmp_path: Path) -> None:
    left_behind(take_place(tmp_path), "prc_1")
    place = take_place(tmp_path)
    assert place.process_id == "prc_1"
    place.belong_to("prc_2")
    place.close()
    place = take_place(tmp_path)
    assert place.process_id == "prc_2"
    place.empty()
    assert place.process_id is None
    place.close()


def test_what_is_left_behind_where_nobody_lives_can_be_taken_over_once(tmp_path: Path) -> None:
    places = [take_place(tmp_path) for _ in range(4)]
    mine, living, left, empty = places
    living.belong_to("prc_living")
    empty.close()
    left_behind(left, "prc_gone")
    (tmp_path / "journal-notes.txt").write_text("no folder")
    [orphan] = list(orphaned_places(tmp_path))
    assert (orphan.path.name, orphan.process_id) == ("journal-3", "prc_gone")
    assert list(orphaned_places(tmp_path)) == [], "it has an owner now"
    for place in (mine, living, orphan):
        place.close()


def test_records_that_nobody_signed_are_left_behind_too(tmp_path: Path) -> None:
    DiskFolder(tmp_path / "journal").create("0000000001.journal", 128).close()
    [orphan] = list(orphaned_places(tmp_path))
    assert orphan.process_id is None
    orphan.close()


def test_the_last_place_is_the_last(tmp_path: Path) -> None:
    place = take_place(tmp_path, most=1)
    with pytest.raises(NoPlace, match="AI_GATEWAY_DATA_DIR"):
        take_place(tmp_path, most=1)
    place.close()


def test_processes_share_a_folder_only_with_those_who_share(tmp_path: Path) -> None:
    one, other = FolderLock(tmp_path, Sharing.TOGETHER), FolderLock(tmp_path, Sharing.TOGETHER)
    with pytest.raises(FolderInUse):
        FolderLock(tmp_path)
    one.close()
    other.close()
    alone = FolderLock(tmp_path)
    with pytest.raises(FolderInUse):
        FolderLock(tmp_path, Sharing.TOGETHER)
    alone.close()
