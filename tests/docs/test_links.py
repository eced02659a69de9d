"""Links lead somewhere: to a file that is there, and to a heading that it has. Addresses outside are not called."""

from pathlib import Path

import pytest

from docs.pages import DOCS, ROOT, anchors, links, pages


def broken(page: Path) -> list[str]:
    return [link for link in links(page) if not leads_somewhere(page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path):
    page = DOCS / "operations.md"
    for link in ("nothing.md", "#nothing", "ERROR_HANDLING.md#nothing", "../../outside", "http://plain.example"):
        assert not leads_somewhere(page, link), link
    note = tmp_path / "note.md"
    note.write_text("# One `two`\n[a](b.md) `[no](c.md)` [`d`](#e)\n```\n[f](g.md)\n```\n## One `two`\n")
    assert links(note) == ["b.md", "#e"]
    assert anchors(note) == {"one-two", "one-two-1"}


def test_every_page_can_be_reached_from_the_readme():
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in links(page)
            if not link.startswith(("https://", "#"))
        ]
    assert set(pages()) - seen == set()
