"""How a reference page is written down."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

COMMAND: Final = "python -m docs.generate"


def page(title: str, about: str, *parts: Iterable[str]) -> str:
    """Return a page with its title, what it is about, and its parts, each of several blocks."""
    made = f"<!-- made by `{COMMAND}` from the code; change it there -->"
    blocks = [made, f"# {title}", about, *(block for part in parts for block in part)]
    return "\n\n".join(blocks) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell is escaped, a line break becomes a space."""
    lines = [_row(heads), "|" + "---|" * len(heads)]
    return "\n".join([*lines, *(_row(row) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def code(text: str) -> str:
    """Return words as code."""
    return f"`{text}`"


def codes(texts: Iterable[str]) -> str:
    """Return several words as code, with commas."""
    return ", ".join(map(code, texts))


def paragraphs(text: str) -> Iterator[str]:
    """Give the paragraphs of a docstring, each in one line but for its lines' own breaks."""
    for part in text.strip().split("\n\n"):
        yield "\n".join(line.strip() for line in part.splitlines())
