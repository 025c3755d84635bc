"""Write the pages of docs/reference: `python -m docs.generate`, or `make docs`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.generate.commands import commands_page
from docs.generate.http import http_page
from docs.generate.licences import licences_page
from docs.generate.limits import limits_page
from docs.generate.tables import (
    filters_page,
    formats_page,
    metrics_page,
    report_page,
    settings_page,
)

FOLDER: Final = Path(__file__).parent.parent / "reference"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands.md": commands_page,
    "settings.md": settings_page,
    "http-api.md": http_page,
    "ingest-report.md": report_page,
    "formats.md": formats_page,
    "filters.md": filters_page,
    "metrics.md": metrics_page,
    "licences.md": licences_page,
    "limits.md": limits_page,
}


def main() -> None:
    """Write each page."""
    for name, made in PAGES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
