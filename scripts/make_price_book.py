"""Writes the price book that is shipped, from the genai-prices of requirements/dev.lock.

.venv/bin/python scripts/make_price_book.py            writes src/ai_gateway/store/price_book.json
.venv/bin/python scripts/make_price_book.py --check    exit 1 where the file is not what would be written
"""

import sys
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from ai_gateway.cli.published_prices import read_package  # noqa: E402
from ai_gateway.store.price_editions import SHIPPED  # noqa: E402

BOOK: Final = ROOT / "src" / "ai_gateway" / "store" / SHIPPED


def text() -> str:
    """One price a line, so that a change of one price is a change of one line."""
    edition = read_package()
    lines = ",\n".join(msgspec.json.encode(price).decode() for price in edition.prices)
    return f'{{"name":{msgspec.json.encode(edition.name).decode()},"prices":[\n{lines}\n]}}\n'


def main(arguments: list[str]) -> int:
    stale = not BOOK.exists() or BOOK.read_text(encoding="utf-8") != text()
    if stale and "--check" not in arguments:
        BOOK.write_text(text(), encoding="utf-8")
    sys.stderr.write(
        f"{BOOK.relative_to(ROOT)}: {('stale' if '--check' in arguments else 'written') if stale else 'unchanged'}\n"
    )
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
