"""Writes the parts of docs/ that say what the code says already, so that they cannot say something else.

    .venv/bin/python scripts/make_docs.py            writes them
    .venv/bin/python scripts/make_docs.py --check    exit 1 where a file is not what would be written

docs/ERROR_HANDLING.md and the English language file are written whole: domain/faults.py is their source, and the stable
codes are read from the places that raise them. In other pages only what stands between `<!-- generated: NAME -->` and
`<!-- end -->` is replaced.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
LANGUAGES: Final = ROOT / "src" / "ai_gateway" / "runtime" / "wordings"
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

from english import english_file  # noqa: E402
from errors_page import error_page  # noqa: E402

from ai_gateway.domain.chat import Dialect  # noqa: E402
from ai_gateway.domain.config import ProviderType  # noqa: E402
from ai_gateway.providers import ProviderKind  # noqa: E402
from ai_gateway.providers.capabilities import Feature  # noqa: E402
from ai_gateway.providers.differences import Differences, Lack, StreamUsage  # noqa: E402
from ai_gateway.providers.kinds import KINDS  # noqa: E402
from ai_gateway.providers.model_families import FAMILIES  # noqa: E402
from ai_gateway.settings import SETTINGS  # noqa: E402


def settings_table() -> str:
    rows = [
        f"| `{row.name}` | {_default(row.development)} | {_default(row.serve)} | {row.meaning} |" for row in SETTINGS
    ]
    return "\n".join(["| variable | development | serve | meaning |", "|---|---|---|---|", *rows])


def admin_table() -> str:
    """Every address of the admin API, from docs/openapi.json."""
    paths: dict[str, dict[str, Any]] = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    rows = [
        f"| `{method.upper()} {path.removeprefix('/api/v1/admin')}` | {one.get('x-permission', '-')} |"
        f" {' '.join(one.get('description', '').split())} |"
        for path, methods in paths.items()
        for method, one in methods.items()
    ]
    return "\n".join(["| address below `/api/v1/admin` | permission | what it does |", "|---|---|---|", *rows])


def provider_table() -> str:
    """What each provider type takes, from the tables that the gateway itself goes by."""
    operations = ("chat", "messages", "embeddings", "completions", "images")
    heads = [*operations, *(lack.value for lack in Lack), "n > 1"]
    rows = [
        f"| `{kind.type}` | " + " | ".join([*_carried(kind, operations), *_taken(kind)]) + " |"
        for kind in sorted(KINDS.values(), key=lambda kind: kind.type)
        if kind.type is not ProviderType.MOCK
    ]
    return "\n".join([f"| type | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *rows])


def server_table() -> str:
    """Where each provider is and how it differs from OpenAI."""
    rows = [
        f"| `{kind.type}` | {_code(kind.default_url and kind.default_url.text)} | {'yes' if kind.needs_key else 'no'} |"
        f" {_code(kind.differences.output_field) if Dialect.OPENAI in kind.codecs else '-'} |"
        f" {_differences(kind.differences)} |"
        for kind in sorted(KINDS.values(), key=lambda kind: kind.type)
        if kind.type is not ProviderType.MOCK
    ]
    return "\n".join(["| type | default address | key | cap | differs in |", "|---|---|---|---|---|", *rows])


def model_table() -> str:
    """What is known of families of models, whoever serves them."""
    rows = [
        f"| {family.vendor} | `{family.name}` | {_number(family.context)} | {_number(family.output)} | "
        + " | ".join("yes" if family.has(feature) else "" for feature in Feature)
        + " |"
        for family in FAMILIES
    ]
    heads = " | ".join(feature.value for feature in Feature)
    return "\n".join(
        [f"| vendor | names begin | context | output | {heads} |", "|---" * (len(Feature) + 4) + "|", *rows]
    )


def pages() -> Mapping[Path, str]:
    """What each page that has generated parts should be."""
    docs = ROOT / "docs"
    return {
        LANGUAGES / "en.json": english_file(),
        docs / "ERROR_HANDLING.md": error_page(),
        docs / "operations.md": _with_part(docs / "operations.md", "settings", settings_table()),
        docs / "providers.md": _with_parts(
            docs / "providers.md",
            {"features": provider_table(), "servers": server_table(), "models": model_table()},
        ),
        docs / "PHASE1_IMPLEMENTATION.md": _with_part(docs / "PHASE1_IMPLEMENTATION.md", "admin", admin_table()),
    }


def main(arguments: list[str]) -> int:
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" not in arguments:
            path.write_text(pages()[path], encoding="utf-8")
        sys.stderr.write(f"{'stale' if '--check' in arguments else 'written'}: {path.relative_to(ROOT)}\n")
    return 1 if stale and "--check" in arguments else 0


def _default(text: str) -> str:
    if text == "required":
        return "**required**"
    return f"`{text}`" if text else "(blank)"


def _carried(kind: ProviderKind, operations: tuple[str, ...]) -> list[str]:
    native = {operation.value for codec in kind.codecs.values() for operation in codec.operations}
    return ["yes" if operation in native else "" for operation in operations]


def _taken(kind: ProviderKind) -> list[str]:
    if Dialect.OPENAI not in kind.codecs:
        return ["-"] * (len(Lack) + 1)
    it = kind.differences
    return [*("no" if lack in it.lacks else "yes" for lack in Lack), "no" if it.most_choices == 1 else "yes"]


def _differences(it: Differences) -> str:
    parts = [f"no {_listed(it.unsupported)}"] if it.unsupported else []
    parts += [f"`{old}` is called `{new}`" for old, new in it.renamed]
    parts += ["usage of streams comes unasked"] if it.stream_usage is StreamUsage.GIVEN else []
    parts += [f"thinking in `{it.reasoning}`"] if it.reasoning else []
    return "; ".join([*parts, *sorted(habit.value for habit in it.habits)])


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "must be given"


def _number(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _with_parts(path: Path, parts: Mapping[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = _replaced(path.name, text, name, part)
    return text


def _with_part(path: Path, name: str, part: str) -> str:
    return _replaced(path.name, path.read_text(encoding="utf-8"), name, part)


def _replaced(page: str, text: str, name: str, part: str) -> str:
    before, start, rest = text.partition(f"<!-- generated: {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not (start and end):
        raise SystemExit(f"{page} has no part '{name}'.")
    return f"{before}{start}{part}\n{end}{after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
