"""OpenDocument packages: parts, and what the file says of itself."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

from indexes.documents import Finding, Metadata, stored_form
from indexes.errors import ReadFailure
from ingest.readers.dates import iso_date
from ingest.readers.ooxml import SAVE_ANEW
from ingest.readers.parts import Element, attribute, child, name, parsed, repaired
from ingest.readers.titles import stated_title
from ingest.readers.zipped import opened, part

_ENCRYPTED: Final = b"encryption-data"
_PROPERTIES: Final = {
    "initial-creator": "author",
    "creator": "author",
    "subject": "subject",
    "keyword": "keywords",
    "creation-date": "created",
    "date": "changed",
}
_DATES: Final = frozenset(("created", "changed"))


class OdfPackage:
    """The parts of an open archive; what cannot be read is kept in `damaged`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Raise ReadFailure `encrypted` where the parts are locked with a password."""
        self._archive = archive
        self.damaged: dict[str, str] = {}
        if _ENCRYPTED in (self.data("META-INF/manifest.xml") or b""):
            raise ReadFailure(
                "encrypted",
                "the file asks for a password, and OpenDocument files with one are not unlocked "
                "here; open it in the program it comes from and save a copy without",
            )

    def data(self, part_name: str) -> bytes | None:
        """Return a part's bytes, None where it is not there or damaged."""
        try:
            return part(self._archive, part_name)
        except ReadFailure as failure:
            self.damaged[part_name] = failure.message.partition(";")[0]
            return None

    def tree(self, part_name: str) -> Element | None:
        """Return a part's root, None where it is not there or nothing of it can be read."""
        data = self.data(part_name)
        if not data:
            return None
        try:
            return parsed(data)
        except ReadFailure as failure:
            self.damaged[part_name] = failure.message
            return repaired(data)

    @cached_property
    def _meta(self) -> Mapping[str, str]:
        root = child(self.tree("meta.xml"), "meta")
        found = dict[str, str]()
        for one in root if root is not None else ():
            found.setdefault(name(one), one.text or "")
            if name(one) == "document-statistic":
                found["page-count"] = attribute(one, "page-count")
        return found

    @property
    def title(self) -> str:
        """The title that somebody gave the document, else ""."""
        return stated_title(self._meta.get("title", ""))

    @property
    def page_count(self) -> int | None:
        """How many pages the program had counted."""
        stated = self._meta.get("page-count", "")
        return int(stated) if stated.isdecimal() else None

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself; its dates tell when it was written and are no as_of."""
        found = dict[str, str]()
        for key, called in _PROPERTIES.items():
            words = " ".join(stored_form(self._meta.get(key, "")).split())
            value = iso_date(words) if called in _DATES else words
            if value:
                found.setdefault(called, value)
        return found

    def findings(self) -> tuple[Finding, ...]:
        """Say which parts could not be read in full."""
        if not self.damaged:
            return ()
        parts = "; ".join(f"{part} ({why})" for part, why in sorted(self.damaged.items()))
        return (Finding("damaged", f"damaged inside: {parts[:500]}; {SAVE_ANEW}"),)


@contextmanager
def odf_package(path: Path) -> Iterator[OdfPackage]:
    """Open a package. Raises ReadFailure `damaged`, `encrypted`, `too_large`."""
    with opened(path) as archive:
        yield OdfPackage(archive)
