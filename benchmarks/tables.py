"""Figures as a table in Markdown."""

from collections.abc import Mapping, Sequence


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return a table with a row for each figure and a column for each of the rows given."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [f"| {name} | {' | '.join(str(row[name]) for row in rows)} |" for name in names]
    rule = "|---" * (len(rows) + 1) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"
