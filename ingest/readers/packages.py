"""Packages of parts, as office programs write them: what is damaged inside is told, not fatal."""

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

from indexes.documents import Finding, Metadata, stored_form
from indexes.errors import ReadFailure
from ingest.readers.dates import iso_date
from ingest.readers.parts import Element, parsed, repaired
from ingest.readers.titles import stated_title
from ingest.readers.zipped import part

SAVE_ANEW: Final = "open the file in the program it comes from and save it anew"
_DATES: Final = frozenset(("created", "changed"))


class Parts(ABC):
    """The parts of an open archive; what cannot be read is kept in `damaged`.

    `properties` says what is called how in metadata, of what the format states of a document.
    """

    properties: ClassVar[Mapping[str, str]]

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.damaged: dict[str, str] = {}

    def data(self, part_name: str) -> bytes | None:
        """Return a part's bytes, None where it is not there or damaged."""
        try:
            return part(self._archive, self._stored(part_name))
        except ReadFailure as failure:
            self.damaged[part_name] = failure.message.partition(";")[0]
            return None

    def _stored(self, part_name: str) -> str:
        """Return the name under which the archive has a part."""
        return part_name

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

    @property
    @abstractmethod
    def stated(self) -> Mapping[str, str]:
        """What the file states of itself, by the format's own names."""

    @property
    def title(self) -> str:
        """The title that somebody gave the document, else ""."""
        return stated_title(self.stated.get("title", ""))

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself; its dates tell when it was written and are no as_of."""
        found = dict[str, str]()
        for key, called in self.properties.items():
            words = " ".join(stored_form(self.stated.get(key, "")).split())
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
