"""The documents as tests read them: headings, links and fenced blocks, by a small reader of the Markdown that we write.

A block whose fence says `run` (```sh run) promises what stands in its comments: `# -> 201` is the status of the next
`curl` (`# -> 200 x 10`: of the next ten), `# prints: text` a part of what is printed, each after the one before it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<!!)\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
STATUS = re.compile(r"# -> (\d{3})(?: x (\d+))?")
PRINTS = "# prints: "
HERE = "http://localhost:8000"


class Block(NamedTuple):
    """A fenced block: its language, whether it is to be run, and the line it begins at."""

    page: Path
    line: int
    language: str
    runs: bool
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def statuses(self) -> list[str]:
        found = [STATUS.fullmatch(line.strip()) for line in self.text.splitlines()]
        return [it[1] for it in found if it for _ in range(int(it[2] or 1))]

    @property
    def printed(self) -> list[str]:
        return [line.removeprefix(PRINTS) for line in self.text.splitlines() if line.startswith(PRINTS)]


def pages() -> list[Path]:
    """Every Markdown file of the project."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def blocks(page: Path) -> Iterator[Block]:
    fence: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("```"):
            inside.append(line)
        elif fence is None:
            fence, inside = (number, line.removeprefix("```")), []
        else:
            language, *marks = [*fence[1].split(), ""]
            yield Block(page, fence[0], language, "run" in marks, "\n".join(inside))
            fence = None


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.runs]


def prose(page: Path) -> list[str]:
    """The lines outside of fenced blocks."""
    lines: list[str] = []
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            lines.append(line)
    return lines


def links(page: Path) -> list[str]:
    return LINK.findall(re.sub(r"`[^`]*`", "code", "\n".join(prose(page))))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings: lower case, punctuation away, spaces to hyphens, doubles numbered."""
    seen: dict[str, int] = {}
    for line in prose(page):
        if heading := re.fullmatch(r"#{1,6} (.+)", line):
            slug = re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-")
            seen[slug] = seen.get(slug, -1) + 1
            if seen[slug]:
                seen[f"{slug}-{seen[slug]}"] = 0
    return set(seen)
