"""What commands say, to people and to scripts, and how they end.

With `--json` standard output is exactly one JSON document, also when the command fails, so a script never has to parse
prose; people's text, progress and problems go to standard error unless they are the answer. Exit codes are few and
mean one thing each, because a deployment script branches on them.
"""

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any, Final, NoReturn, cast, final

import msgspec
import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for scripts.")]

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration refused, 4 gateway or database unreachable"
)


ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
"""Decimals leave as the digits that came in, never through a float."""


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4


@final
class Screen:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def answer(self, document: Any, text: str) -> None:
        """The command's result: the document for scripts, the text for people."""
        typer.echo(encode(document) if self._as_json else text)

    def remark(self, text: str) -> None:
        """Beside the answer; scripts do not see it."""
        if not self._as_json:
            typer.echo(text, err=True)

    def stop(self, code: Exit, problems: Sequence[str]) -> NoReturn:
        """End the command as failed. Every problem says what to do next."""
        if self._as_json:
            typer.echo(encode({"ok": False, "exit_code": int(code), "problems": list(problems)}))
        else:
            for problem in problems:
                typer.secho(problem, fg=typer.colors.RED, err=True)
        raise typer.Exit(int(code))

    @contextmanager
    def working(self, text: str) -> Generator[None]:
        """A spinner while something takes long, where somebody is watching."""
        if self._as_json or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield


def encode(document: Any) -> str:
    text: str = msgspec.json.format(ENCODER.encode(document).decode(), indent=2)
    return text


def as_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Plain columns that `cut` and `awk` can read; nothing but the header where there are no rows."""
    cells = [[column.upper() for column in columns]]
    cells += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return ",".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
